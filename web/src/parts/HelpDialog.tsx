import { set } from '../state/store';
import { t } from '../texts';
import { Dialog } from './controls';

export function HelpDialog() {
  return (
    <Dialog title={t.help.title} onClose={() => set({ dialog: null })} wide>
      <div className="help">
        {t.help.groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt><kbd>{key}</kbd></dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
