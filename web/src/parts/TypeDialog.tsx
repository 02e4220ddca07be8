// Numbered notation, typed: each note sounds as it is written, the whole is drawn below.
import { useEffect, useMemo, useRef, useState } from 'react';
import { api, ApiError } from '../api/client';
import type { View } from '../api/types';
import { Player } from '../audio/player';
import { pitchAt, words } from '../music/notation';
import { countNotes } from '../music/notes';
import { emptyView, lastTick } from '../music/timeline';
import { complain } from '../state/failures';
import { player, sound } from '../state/sounding';
import { set } from '../state/store';
import { keep } from '../state/ways_in';
import { t } from '../texts';
import { Dialog } from './controls';
import { MiniRoll } from './MiniRoll';

const kKept = 'hemiola.typed';
const kPause = 180;

export function TypeDialog() {
  const [text, setText] = useState(() => localStorage.getItem(kKept) ?? '');
  const [view, setView] = useState<View | null>(null);
  const [problem, setProblem] = useState('');
  const [playing, setPlaying] = useState(false);
  const shown = useRef<View>(emptyView());
  const area = useRef<HTMLTextAreaElement>(null);
  const colours = useRef<HTMLPreElement>(null);
  const preview = useMemo(
    () => new Player(sound, () => ({ view: shown.current, frontier: null })), []);

  useEffect(() => {
    player.stop();
    preview.onState = () => setPlaying(preview.playing);
    return () => preview.stop();
  }, [preview]);

  useEffect(() => {
    localStorage.setItem(kKept, text);
    if (!text.trim()) {
      setView(null);
      setProblem('');
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      api.previewNotation(text, abort.signal).then((read) => {
        shown.current = read;
        setView(read);
        setProblem('');
      }, (error: unknown) => {
        if (abort.signal.aborted) return;
        if (error instanceof ApiError) setProblem(problemOf(error));
        else complain(error);
      });
    }, kPause);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);

  const use = async () => {
    preview.stop();
    if (await keep({ from: 'notation', text }, 'type')) set({ dialog: null });
  };
  const listen = () => {
    if (preview.playing) {
      preview.stop();
      return;
    }
    void sound.wake();
    sound.arrange(shown.current.tracks, () => 1);
    preview.play(0);
  };

  return (
    <Dialog title={t.type.title} onClose={() => set({ dialog: null })} wide>
      <p className="hint">{t.type.hint}</p>
      <div className="typing">
        <pre ref={colours} className="typing-colours" aria-hidden="true">{coloured(text)}{'\n'}</pre>
        <textarea ref={area} className="typing-text" aria-label={t.type.label} value={text} rows={6}
                  spellCheck={false} autoCapitalize="off" autoComplete="off" placeholder={t.type.example}
                  aria-invalid={problem !== ''} aria-describedby="typing-state" autoFocus
                  onScroll={(e) => { colours.current!.scrollTop = e.currentTarget.scrollTop; }}
                  onChange={(e) => {
                    const grown = e.target.value.length > text.length;
                    setText(e.target.value);
                    if (!grown) return;
                    const pitch = pitchAt(e.target.value, e.target.selectionStart);
                    if (pitch !== null) sound.audition(0, pitch);
                  }} />
      </div>
      <p id="typing-state" className={problem ? 'wrong' : 'note'} role="status">
        {problem || (view ? t.type.ok(view.bars.length, countNotes(view)) : ' ')}
      </p>
      {view && (
        <MiniRoll label={t.type.preview} end={lastTick(view)} notes={notesOf(view)}
                  lines={view.bars.map((bar) => bar.start)}
                  at={() => (preview.playing ? preview.position() : null)} />
      )}
      <div className="dialog-actions">
        {!text.trim() && (
          <button type="button" className="button" onClick={() => { setText(t.type.example); area.current?.focus(); }}>
            {t.type.fill}
          </button>
        )}
        <button type="button" className="button" onClick={listen} disabled={!view}>
          {playing ? t.transport.pause : t.type.listen}
        </button>
        <button type="button" className="button primary" onClick={() => void use()} disabled={!view || problem !== ''}>
          {t.type.use}
        </button>
      </div>
    </Dialog>
  );
}

function problemOf(error: ApiError): string {
  const { line, column, message } = error.detail;
  const where = line !== undefined && column !== undefined ? t.type.at(line, column) : '';
  return where + message.replace(/^\S*:\d+:\d+: /, '');
}

function coloured(text: string) {
  const parts: React.ReactNode[] = [];
  let at = 0;
  for (const word of words(text)) {
    parts.push(text.slice(at, word.from));
    parts.push(<span key={word.from} className={`word-${word.kind}`}>{text.slice(word.from, word.to)}</span>);
    at = word.to;
  }
  parts.push(text.slice(at));
  return parts;
}

export function notesOf(view: View) {
  return view.tracks.flatMap((track, index) => track.notes.map((note) => ({
    from: note[0]!, to: note[0]! + note[1]!, pitch: note[2]!, track: index,
  })));
}
