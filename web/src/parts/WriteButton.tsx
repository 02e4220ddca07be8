// The one button that matters: it writes, and while it writes it stops.
import { get, useStudio } from '../state/store';
import { goOn, stopWriting, writeAnew } from '../state/writing';
import { t } from '../texts';
import { Icon } from './icons';

export function write(): void {
  if (get().writing) void stopWriting();
  else if (get().view) void goOn();
  else void writeAnew();
}

export function WriteButton({ large }: { large?: boolean }) {
  const writing = useStudio((s) => s.writing);
  const bars = useStudio((s) => s.wish.bars);
  const empty = useStudio((s) => s.view === null);
  if (!writing) {
    if (large) return <button type="button" className="write large" onClick={write}>{t.welcome.button}</button>;
    const label = empty ? t.write.bars(bars) : t.write.more(bars);
    return (
      <button type="button" className="write" aria-label={label} title={`${label} (W)`} onClick={write}>
        <span className="write-long">{label}</span>
        <span className="write-short">{t.write.short(bars)}</span>
      </button>
    );
  }
  const left = writing.secondsLeft === null ? '' : t.write.left(writing.secondsLeft);
  const status = writing.stopping ? t.write.stopping
    : writing.notes > 0 ? t.write.progress(writing.notes, left)
    : t.write.queued(writing.waitingFor ?? 0);
  return (
    <div className="writing">
      <span className="writing-status" role="status">{status}</span>
      <button type="button" className="write stop" onClick={write} disabled={writing.stopping}>
        <Icon name="stop" />
        {t.write.stop}
        <span className="write-bar" style={{ transform: `scaleX(${writing.done})` }} />
      </button>
    </div>
  );
}
