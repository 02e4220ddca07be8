// Playing in: on the screen, on the computer's keys, on a MIDI keyboard. What is played is drawn
// as it sounds, can be taken back note by note, and becomes a piece.
import { useCallback, useEffect, useRef, useState } from 'react';
import { listenToMidi, midiSupported } from '../audio/midi_in';
import { Capture } from '../music/captured';
import { semitonesOf } from '../music/typing_keys';
import { player, sound } from '../state/sounding';
import { set } from '../state/store';
import { keep } from '../state/ways_in';
import { t } from '../texts';
import { Dialog, IconButton, NumberInput } from './controls';
import { MiniRoll } from './MiniRoll';
import { Keyboard } from './Keyboard';

const kChannel = 0;
const kClick = { channel: 9, high: 76, low: 77 };

// Not the sound's clock, which stands still until the browser lets sound begin.
const time = () => performance.now() / 1000;

export function PlayDialog() {
  const capture = useRef(new Capture());
  const [pressed, setPressed] = useState<ReadonlySet<number>>(new Set());
  const [octave, setOctave] = useState(4);
  const [count, setCount] = useState(0);
  const [midi, setMidi] = useState<{ heard: boolean; about: string }>({ heard: false, about: '' });
  const [click, setClick] = useState<{ tempo: number; since: number } | null>(null);
  const tempo = useRef(96);
  const base = 12 * (octave + 1);

  const down = useCallback((pitch: number, velocity = 88) => {
    if (pitch < 0 || pitch > 127) return;
    void sound.wake();
    sound.noteOn(kChannel, pitch, velocity);
    capture.current.down(pitch, velocity, time());
    setCount(capture.current.notes.length);
    setPressed((keys) => new Set(keys).add(pitch));
  }, []);
  const up = useCallback((pitch: number) => {
    sound.noteOff(kChannel, pitch);
    capture.current.up(pitch, time());
    setPressed((keys) => {
      const left = new Set(keys);
      left.delete(pitch);
      return left;
    });
  }, []);
  const takeBack = useCallback(() => {
    capture.current.undo();
    setCount(capture.current.notes.length);
  }, []);

  useEffect(() => {
    player.stop();
    sound.arrange([{ name: '', program: 0, is_drum: false, notes: [] }], () => 1);
    return () => sound.silence();
  }, []);

  useEffect(() => {
    const held = new Map<string, number>();
    const onDown = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement && event.target.type === 'number';
      if (event.repeat || event.ctrlKey || event.metaKey || typing) return;
      const semitones = semitonesOf(event.code);
      if (semitones !== null) {
        event.preventDefault();
        held.set(event.code, base + semitones);
        down(base + semitones);
      } else if (event.code === 'KeyZ') setOctave((o) => Math.max(1, o - 1));
      else if (event.code === 'KeyX') setOctave((o) => Math.min(7, o + 1));
      else if (event.code === 'Backspace') takeBack();
    };
    const onUp = (event: KeyboardEvent) => {
      const pitch = held.get(event.code);
      if (pitch === undefined) return;
      held.delete(event.code);
      up(pitch);
    };
    addEventListener('keydown', onDown);
    addEventListener('keyup', onUp);
    return () => {
      removeEventListener('keydown', onDown);
      removeEventListener('keyup', onUp);
      for (const pitch of held.values()) up(pitch);
    };
  }, [base, down, up, takeBack]);

  const stopMidi = useRef<() => void>(() => {});
  useEffect(() => () => stopMidi.current(), []);
  const connect = async () => {
    void sound.wake();
    const found = (names: string[]) =>
      setMidi({ heard: true, about: names.length > 0 ? names.join(', ') : t.play.midiNone });
    try {
      stopMidi.current = await listenToMidi({ down, up, found });
    } catch {
      setMidi({ heard: false, about: t.play.midiDenied });
    }
  };

  useClick(click);
  // `since`: of the sound's clock, when the first click is heard.
  const begin = (since: number | null) => {
    capture.current = new Capture(since === null ? null : since - sound.now + time());
    setCount(0);
  };
  const toggleClick = (on: boolean) => {
    void sound.wake();
    const since = sound.now + 0.1;
    setClick(on ? { tempo: tempo.current, since } : null);
    begin(on ? since : null);
  };

  const use = async () => {
    const bar = click ? (4 * 60) / click.tempo : null;
    const notes = capture.current.finished(time(), bar);
    const kept = await keep({
      from: 'notes', unit: 'seconds', tracks: [{ program: 0, notes }],
      ...(click ? { tempo: click.tempo, timing: 'written' as const } : { timing: 'performed' as const }),
    }, 'play');
    if (kept) set({ dialog: null });
  };

  const now = () => capture.current.notes.reduce(
    (end, note) => Math.max(end, note.onset + (note.duration ?? 0.3)), 4);
  return (
    <Dialog title={t.play.title} onClose={() => set({ dialog: null })} wide>
      <p className="hint">{t.play.hint}</p>
      <MiniRoll label={t.play.notes(count)} end={now()} notes={capture.current.notes.map((note) => ({
        from: note.onset, to: note.onset + (note.duration ?? 0.3), pitch: note.pitch,
      }))} />
      <Keyboard low={base - 12} keys={37} typedFrom={base} pressed={pressed} onDown={down} onUp={up} />
      <div className="play-options">
        <span className="octave">
          {t.play.octave}
          <IconButton icon="minus" label={`${t.play.octave} −`} onClick={() => setOctave(Math.max(1, octave - 1))} />
          <output>{octave}</output>
          <IconButton icon="plus" label={`${t.play.octave} +`} onClick={() => setOctave(Math.min(7, octave + 1))} />
        </span>
        <label className="check">
          <input type="checkbox" checked={click !== null} onChange={(e) => toggleClick(e.target.checked)} />
          {t.play.click}
        </label>
        <NumberInput label={t.wish.tempo} value={tempo.current} min={30} max={240}
                     onChange={(value) => {
                       tempo.current = value ?? 96;
                       if (click) toggleClick(true);
                     }} />
        {midiSupported() && !midi.heard && (
          <button type="button" className="link" onClick={() => void connect()}>{t.play.midiAsk}</button>
        )}
        {midi.about && <span className="note" role="status">{midi.about}</span>}
      </div>
      <div className="dialog-actions">
        <span className="note" role="status">{count > 0 ? t.play.notes(count) : t.play.recordHint}</span>
        <button type="button" className="button" onClick={takeBack} disabled={count === 0}>{t.play.undo}</button>
        <button type="button" className="button" onClick={() => begin(click ? click.since : null)} disabled={count === 0}>
          {t.play.clear}
        </button>
        <button type="button" className="button primary" onClick={() => void use()} disabled={count === 0}>
          {t.play.use}
        </button>
      </div>
    </Dialog>
  );
}

// A steady click in four, scheduled a moment ahead.
function useClick(click: { tempo: number; since: number } | null): void {
  useEffect(() => {
    if (!click) return;
    let beat = 0;
    const step = () => {
      for (;;) {
        const at = click.since + (beat * 60) / click.tempo;
        if (at > sound.now + 0.15) return;
        const pitch = beat % 4 === 0 ? kClick.high : kClick.low;
        sound.noteOn(kClick.channel, pitch, beat % 4 === 0 ? 100 : 70, at);
        sound.noteOff(kClick.channel, pitch, at + 0.05);
        ++beat;
      }
    };
    step();
    const timer = setInterval(step, 50);
    return () => clearInterval(timer);
  }, [click]);
}
