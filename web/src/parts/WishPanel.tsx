// What to write next: a few plain wishes, the rest under "More".
import { get, set, useStudio } from '../state/store';
import { kDefaultWish, type Wish } from '../state/wish';
import { keyName } from '../music/notes';
import { t } from '../texts';
import { instrumentName, kInstruments, kKeys, kMetres } from './choices';
import { Field, IconButton, NumberInput } from './controls';
import { Icon } from './icons';

const change = (part: Partial<Wish>) => set({ wish: { ...get().wish, ...part } });

export function WishPanel() {
  const wish = useStudio((s) => s.wish);
  const info = useStudio((s) => s.info);
  const some = useStudio((s) => s.view !== null);
  const free = some ? t.wish.asIs : t.wish.any;
  const styles = info?.model.styles ?? [];
  return (
    <aside className="wish" aria-label={t.wish.panel}>
      <div className="panel-head">
        <h2>{t.wish.title}</h2>
        <button type="button" className="quiet-button" onClick={() => set({ wish: kDefaultWish })}>
          {t.wish.reset}
        </button>
      </div>
      <div className="fields">
        <Field label={t.wish.bars}>
          {(id) => (
            <div className="stepper">
              <IconButton icon="minus" label={`${t.wish.bars} −`}
                          onClick={() => change({ bars: Math.max(1, wish.bars - (wish.bars > 8 ? 4 : 1)) })} />
              <NumberInput id={id} value={wish.bars} min={1} max={Math.min(512, info?.limits.bars ?? 512)}
                           onChange={(bars) => change({ bars: Math.round(bars ?? 8) })} />
              <IconButton icon="plus" label={`${t.wish.bars} +`}
                          onClick={() => change({ bars: Math.min(512, wish.bars + (wish.bars >= 8 ? 4 : 1)) })} />
            </div>
          )}
        </Field>
        <Field label={t.wish.key}>
          {(id) => (
            <select id={id} value={wish.key ?? ''} onChange={(e) => change({ key: e.target.value || undefined })}>
              <option value="">{free}</option>
              {kKeys.map((key) => <option key={key} value={key}>{keyName(key)}</option>)}
            </select>
          )}
        </Field>
        <Field label={t.wish.metre}>
          {(id) => (
            <select id={id} value={wish.metre ?? ''} onChange={(e) => change({ metre: e.target.value || undefined })}>
              <option value="">{free}</option>
              {kMetres.map((metre) => <option key={metre} value={metre}>{metre}</option>)}
            </select>
          )}
        </Field>
        <Field label={t.wish.tempo}>
          {(id) => (
            <NumberInput id={id} value={wish.tempo} min={20} max={300} placeholder={free}
                         onChange={(tempo) => change({ tempo })} />
          )}
        </Field>
        {styles.length > 0 && (
          <Field label={t.wish.style}>
            {(id) => (
              <select id={id} value={wish.style ?? ''} onChange={(e) => change({ style: e.target.value || undefined })}>
                <option value="">{free}</option>
                {styles.map((style) => <option key={style} value={style}>{style}</option>)}
              </select>
            )}
          </Field>
        )}
        <Density value={wish.density} free={free} />
        <Instruments chosen={wish.instruments} free={free} />
      </div>
      <details className="more">
        <summary><Icon name="more" />{t.wish.more}</summary>
        <div className="fields">
          <Field label={t.wish.variations}>
            {(id) => (
              <NumberInput id={id} value={wish.count} min={1} max={Math.min(16, info?.limits.count ?? 8)}
                           onChange={(count) => change({ count: Math.round(count ?? 1) })} />
            )}
          </Field>
          <Field label={t.wish.surprise} note={`${t.wish.surpriseHint} ${wish.temperature.toFixed(2)}`}>
            {(id) => (
              <input id={id} type="range" min={0} max={1.6} step={0.05} value={wish.temperature}
                     onChange={(e) => change({ temperature: Number(e.target.value) })} />
            )}
          </Field>
          <Field label={t.wish.focus} note={`${t.wish.focusHint} ${wish.topP.toFixed(2)}`}>
            {(id) => (
              <input id={id} type="range" min={0.5} max={1} step={0.01} value={wish.topP}
                     onChange={(e) => change({ topP: Number(e.target.value) })} />
            )}
          </Field>
          <Field label={t.wish.chords}>
            {(id) => (
              <input id={id} type="text" value={wish.chords} placeholder={t.wish.chordsHint}
                     onChange={(e) => change({ chords: e.target.value })} />
            )}
          </Field>
          <Field label={t.wish.range}>
            {(id) => (
              <input id={id} type="text" value={wish.range ?? ''} placeholder={t.wish.rangeHint}
                     onChange={(e) => change({ range: e.target.value || undefined })} />
            )}
          </Field>
          <Field label={t.wish.polyphony}>
            {(id) => (
              <NumberInput id={id} value={wish.polyphony} min={1} max={16} placeholder={free}
                           onChange={(polyphony) => change({ polyphony })} />
            )}
          </Field>
          <label className="check">
            <input type="checkbox" checked={wish.inScale} onChange={(e) => change({ inScale: e.target.checked })} />
            {t.wish.inScale}
          </label>
          {info?.capabilities.novelty && (
            <label className="check">
              <input type="checkbox" checked={wish.novel} onChange={(e) => change({ novel: e.target.checked })} />
              {t.wish.novel}
            </label>
          )}
          <Field label={t.wish.seed}>
            {(id) => (
              <input id={id} type="text" inputMode="numeric" value={wish.seed} placeholder={t.wish.seedAny}
                     title={t.wish.seedHint}
                     onChange={(e) => change({ seed: e.target.value.replace(/\D/g, '').slice(0, 20) })} />
            )}
          </Field>
        </div>
      </details>
    </aside>
  );
}

function Density({ value, free }: { value: number | undefined; free: string }) {
  return (
    <fieldset className="density">
      <legend>
        {t.wish.density}
        <span className="field-note">{value === undefined ? free : `${value}`}</span>
      </legend>
      <div className="dots">
        {Array.from({ length: 10 }, (_, i) => i + 1).map((level) => (
          <button key={level} type="button" className="dot" data-on={value !== undefined && level <= value ? '' : undefined}
                  aria-pressed={value === level} aria-label={`${t.wish.density} ${level}`}
                  onClick={() => change({ density: value === level ? undefined : level })} />
        ))}
      </div>
    </fieldset>
  );
}

function Instruments({ chosen, free }: { chosen: readonly string[]; free: string }) {
  return (
    <Field label={t.wish.instruments} note={chosen.length === 0 ? free : ''}>
      {(id) => (
        <div className="chips">
          {chosen.map((value, index) => (
            <button key={`${value}-${index}`} type="button" className="chip"
                    aria-label={t.wish.removeInstrument(instrumentName(value))}
                    onClick={() => change({ instruments: chosen.filter((_, i) => i !== index) })}>
              {instrumentName(value)}<Icon name="close" />
            </button>
          ))}
          <select id={id} value="" className="add-chip"
                  onChange={(e) => change({ instruments: [...chosen, e.target.value].slice(0, 8) })}>
            <option value="" disabled>{t.wish.add}</option>
            {kInstruments.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
          </select>
        </div>
      )}
    </Field>
  );
}
