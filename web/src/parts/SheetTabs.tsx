// On a phone the panels are sheets from below; these buttons raise and lower them.
import { set, useStudio, type State } from '../state/store';
import { t } from '../texts';
import { Icon, type IconName } from './icons';

const kSheets: [NonNullable<State['sheet']>, IconName, string][] = [
  ['takes', 'tree', t.takes.title], ['tracks', 'tracks', t.tracks.title], ['wish', 'sliders', t.header.panel],
];

export function SheetTabs() {
  const sheet = useStudio((s) => s.sheet);
  return (
    <div className="sheet-tabs" role="group" aria-label={t.header.panel}>
      {kSheets.map(([name, icon, label]) => (
        <button key={name} type="button" aria-pressed={sheet === name}
                onClick={() => set({ sheet: sheet === name ? null : name })}>
          <Icon name={icon} />
          {label}
        </button>
      ))}
    </div>
  );
}
