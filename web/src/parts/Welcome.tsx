// The empty page: one sentence, one button, four quiet ways in.
import { useRef } from 'react';
import { openFile } from '../state/ways_in';
import { set, useStudio } from '../state/store';
import { t } from '../texts';
import { Icon, type IconName } from './icons';
import { WriteButton } from './WriteButton';

export function Welcome() {
  const file = useRef<HTMLInputElement>(null);
  const loaded = useStudio((s) => s.loaded);
  const busy = useStudio((s) => s.busy !== null);
  if (!loaded) return null;
  const ways: [IconName, string, string, () => void][] = [
    ['file', t.welcome.file, t.welcome.fileHint, () => file.current?.click()],
    ['mic', t.welcome.record, t.welcome.recordHint, () => set({ dialog: 'record' })],
    ['keys', t.welcome.play, t.welcome.playHint, () => set({ dialog: 'play' })],
    ['numbers', t.welcome.type, t.welcome.typeHint, () => set({ dialog: 'type' })],
  ];
  return (
    <div className="welcome">
      <Bars />
      <p className="welcome-sentence">{t.welcome.sentence}</p>
      <WriteButton large />
      <p className="welcome-or">{t.welcome.or}</p>
      <ul className="ways">
        {ways.map(([icon, name, hint, run]) => (
          <li key={name}>
            <button type="button" className="way" onClick={run} disabled={busy}>
              <Icon name={icon} />
              <span className="way-name">{name}</span>
              <span className="way-hint">{hint}</span>
            </button>
          </li>
        ))}
      </ul>
      <input ref={file} type="file" className="unseen" tabIndex={-1} aria-label={t.welcome.file}
             onChange={(e) => {
               const chosen = e.target.files?.[0];
               e.target.value = '';
               if (chosen) void openFile(chosen, chosen.name);
             }} />
    </div>
  );
}

// A hemiola: three notes in the time of two, and what both fall on.
function Bars() {
  return (
    <svg className="welcome-figure" viewBox="0 0 240 48" aria-hidden="true" focusable="false">
      {[0, 80, 160].map((x) => <rect key={x} x={x} y="6" width="74" height="13" rx="3" className="figure-three" />)}
      {[0, 120].map((x) => <rect key={x} x={x} y="28" width="114" height="13" rx="3" className="figure-two" />)}
    </svg>
  );
}
