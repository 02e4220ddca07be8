// Notes, sheet or sound of the same piece.
import { set, useStudio, type Tab } from '../state/store';
import { t } from '../texts';

const kTabs: Tab[] = ['notes', 'sheet', 'wave'];

export function ViewTabs() {
  const tab = useStudio((s) => s.tab);
  const writing = useStudio((s) => s.writing !== null);
  return (
    <div className="view-tabs" role="group" aria-label={t.tabs.label}>
      {kTabs.map((name) => (
        <button key={name} type="button" aria-pressed={tab === name} disabled={writing && name !== 'notes'}
                onClick={() => set({ tab: name })}>
          {t.tabs[name]}
        </button>
      ))}
    </div>
  );
}
