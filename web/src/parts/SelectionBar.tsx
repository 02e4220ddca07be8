// The small bar of actions that selected bars carry.
import { useStudio, set, get } from '../state/store';
import { accompany, goOn, rewrite, vary } from '../state/writing';
import { colourOf } from '../roll/colours';
import { t } from '../texts';
import { kInstruments } from './choices';
import { IconButton, Popover } from './controls';

const kWidth = 528;

export function SelectionBar({ left, right, width }: { left: number; right: number; width: number }) {
  const bars = useStudio((s) => s.bars);
  const view = useStudio((s) => s.view);
  const track = useStudio((s) => s.track);
  const onlyTrack = useStudio((s) => s.onlyTrack);
  if (!bars || !view) return null;
  const first = view.bars[bars.first]?.number ?? 1;
  const last = view.bars[Math.min(bars.last, view.bars.length - 1)]?.number ?? first;
  if (right < 48 || left > width) return null;
  const room = Math.min(kWidth, width - 16);
  const middle = (Math.max(48, left) + Math.min(width, right)) / 2;
  const x = Math.min(Math.max(8, middle - room / 2), Math.max(8, width - room - 8));
  return (
    <div className="selection-bar" role="toolbar" aria-label={t.selection.bars(first, last)}
         style={{ transform: `translateX(${Math.round(x)}px)` }}>
      <span className="selection-what">{t.selection.bars(first, last)}</span>
      <button type="button" title={t.selection.rewriteHint} onClick={() => void rewrite(bars)}>
        {t.selection.rewrite}
      </button>
      <button type="button" title={t.selection.varyHint} onClick={() => void vary(bars)}>
        {t.selection.vary}
      </button>
      <button type="button" title={t.selection.goOnHint} onClick={() => void goOn(last)}>
        {t.selection.goOn}
      </button>
      <Popover label={t.selection.accompany} hint={t.selection.accompanyHint} button={t.selection.accompany} align="end">
        {(close) => (
          <div className="menu">
            {kInstruments.map(([value, name]) => (
              <button key={value} type="button" className="menu-item"
                      onClick={() => {
                        close();
                        void accompany(get().bars, value);
                      }}>
                {name}
              </button>
            ))}
          </div>
        )}
      </Popover>
      {view.tracks.length > 1 && (
        <button type="button" className="only-track" data-colour={colourOf(track)} aria-pressed={onlyTrack}
                title={t.selection.onlyTrackHint} onClick={() => set({ onlyTrack: !onlyTrack })}>
          {t.selection.onlyTrack}
        </button>
      )}
      <IconButton icon="close" label={t.selection.clear} onClick={() => set({ bars: null })} />
    </div>
  );
}
