// Notes from MIDI keyboards, where the browser lets the page have them.

export interface MidiListener {
  down: (pitch: number, velocity: number) => void;
  up: (pitch: number) => void;
  // The names of the keyboards that are there: at once, and when one is plugged in or pulled out.
  found: (names: string[]) => void;
}

export const midiSupported = () => 'requestMIDIAccess' in navigator;

// Returns a function that stops listening. Throws where the browser refuses.
export async function listenToMidi(listener: MidiListener): Promise<() => void> {
  const access = await navigator.requestMIDIAccess();
  const held = new Map<MIDIInput, Set<number>>();  // of each keyboard that is listened to
  const hear = (event: MIDIMessageEvent) => {
    const [status = 0, pitch = 0, velocity = 0] = event.data ?? [];
    const keys = held.get(event.target as MIDIInput);
    const kind = status & 0xf0;
    if (kind === 0x90 && velocity > 0) {
      keys?.add(pitch);
      listener.down(pitch, velocity);
    } else if (kind === 0x80 || kind === 0x90) {
      keys?.delete(pitch);
      listener.up(pitch);
    }
  };
  const leave = (input: MIDIInput) => {
    input.removeEventListener('midimessage', hear);
    for (const pitch of held.get(input) ?? []) listener.up(pitch);
    held.delete(input);
  };
  const look = () => {
    const inputs = [...access.inputs.values()].filter((input) => input.state === 'connected');
    for (const input of [...held.keys()].filter((old) => !inputs.includes(old))) leave(input);
    for (const input of inputs.filter((one) => !held.has(one))) {
      held.set(input, new Set());
      input.addEventListener('midimessage', hear);
    }
    listener.found(inputs.map((input) => input.name ?? ''));
  };
  access.addEventListener('statechange', look);
  look();
  return () => {
    access.removeEventListener('statechange', look);
    for (const input of [...held.keys()]) leave(input);
  };
}
