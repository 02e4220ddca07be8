// The tracks: which instrument, how loud, and which one new notes go to.
import { edit } from '../state/editing';
import { changeMix, mixOf } from '../state/sounding';
import { set, useStudio } from '../state/store';
import { colourOf, patternOf } from '../roll/colours';
import { t } from '../texts';
import { kInstruments } from './choices';
import { IconButton, Popover } from './controls';
import { Icon } from './icons';

const kMostTracks = 32;

export function TracksStrip() {
  const tracks = useStudio((s) => s.view?.tracks);
  const writing = useStudio((s) => s.writing !== null);
  const soundfont = useStudio((s) => s.soundfont);
  if (!tracks) return null;
  return (
    <section className="tracks" aria-label={t.tracks.title}>
      <ul className="track-list">
        {tracks.map((track, index) => (
          <TrackCard key={index} index={index} program={track.program} isDrum={track.is_drum}
                     name={track.name} locked={writing} />
        ))}
        {!writing && tracks.length < kMostTracks && (
          <li>
            <Popover label={t.tracks.addHint} className="add-track" up
                     button={<><Icon name="plus" />{t.tracks.add}</>}>
              {(close) => (
                <div className="menu">
                  {kInstruments.map(([value, name]) => (
                    <button key={value} type="button" className="menu-item"
                            onClick={() => {
                              const drums = value === 'drums';
                              edit([{ op: 'add_track', name, is_drum: drums,
                                      program: drums ? 0 : Number(value) - 1 }], 'track');
                              set({ track: tracks.length });
                              close();
                            }}>
                      {name}
                    </button>
                  ))}
                </div>
              )}
            </Popover>
          </li>
        )}
      </ul>
      {soundfont.state === 'loading' && (
        <p className="soundfont" title={t.sound.plain}>
          {t.sound.loading}
          <progress className="progress" max={1} value={soundfont.share} aria-label={t.sound.loading} />
        </p>
      )}
    </section>
  );
}

interface CardProps {
  index: number;
  program: number;
  isDrum: boolean;
  name: string;
  locked: boolean;
}

function TrackCard({ index, program, isDrum, name, locked }: CardProps) {
  const mix = useStudio((s) => s.mix);
  const active = useStudio((s) => s.track === index);
  const instruments = useStudio((s) => s.info?.instruments);
  const own = mixOf(mix, index);
  const title = name || (isDrum ? t.tracks.drums : instruments?.[program]?.name ?? '');
  return (
    <li className="track" data-active={active ? '' : undefined} data-colour={colourOf(index)}
        data-pattern={patternOf(index)} aria-label={t.tracks.name(index + 1, title)}>
      <button type="button" className="track-swatch" aria-pressed={active}
              aria-label={`${t.tracks.name(index + 1, title)}. ${t.tracks.active}`} title={t.tracks.active}
              onClick={() => set({ track: index })} />
      <div className="track-row">
        {isDrum ? <span className="track-name">{t.tracks.drums}</span> : (
          <select className="track-name" aria-label={`${t.tracks.instrument}: ${title}`} value={program} disabled={locked}
                  onChange={(e) => edit(
                    [{ op: 'instrument', track: index + 1, program: Number(e.target.value) }], 'instrument')}>
            {(instruments ?? [{ program, name: title }]).map((instrument) => (
              <option key={instrument.program} value={instrument.program}>{instrument.name}</option>
            ))}
          </select>
        )}
        <IconButton icon="close" label={`${t.tracks.remove}: ${title}`} disabled={locked}
                    onClick={() => {
                      edit([{ op: 'remove_track', track: index + 1 }], 'track');
                      set({ track: 0, mix: mix.filter((_, i) => i !== index) });
                    }} />
      </div>
      <div className="track-row">
        <input type="range" className="volume" aria-label={`${t.tracks.volume}: ${title}`} min={0} max={1} step={0.01}
               value={own.volume} onChange={(e) => changeMix(index, { volume: Number(e.target.value) })} />
        <button type="button" className="letter" aria-pressed={own.mute} aria-label={`${t.tracks.mute}: ${title}`}
                title={t.tracks.mute} onClick={() => changeMix(index, { mute: !own.mute })}>M</button>
        <button type="button" className="letter" aria-pressed={own.solo} aria-label={`${t.tracks.solo}: ${title}`}
                title={t.tracks.solo} onClick={() => changeMix(index, { solo: !own.solo })}>S</button>
      </div>
    </li>
  );
}
