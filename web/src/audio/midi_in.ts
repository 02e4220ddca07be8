// Notes from MIDI keyboards, where the browser lets the page have them.

export interface MidiListener {
  down: (pitch: number, velocity: number) => void;
  up: (pitch: number) => void;
}

export const midiSupported = () => 'requestMIDIAccess' in navigator;

// The names of the keyboards found, and a function that stops listening.
export async function listenToMidi(
  listener: MidiListener): Promise<{ names: string[]; stop: () => void }> {
  const access = await navigator.requestMIDIAccess();
  const hear = (event: MIDIMessageEvent) => {
    const [status = 0, pitch = 0, velocity = 0] = event.data ?? [];
    const kind = status & 0xf0;
    if (kind === 0x90 && velocity > 0) listener.down(pitch, velocity);
    else if (kind === 0x80 || kind === 0x90) listener.up(pitch);
  };
  const inputs = [...access.inputs.values()];
  for (const input of inputs) input.addEventListener('midimessage', hear);
  return {
    names: inputs.map((input) => input.name ?? ''),
    stop: () => { for (const input of inputs) input.removeEventListener('midimessage', hear); },
  };
}
