// What happened, what was kept, what to do; and what takes a while.
import { dismiss, useStudio } from '../state/store';
import { t } from '../texts';
import { IconButton, Progress } from './controls';

export function Notices() {
  const notices = useStudio((s) => s.notices);
  const busy = useStudio((s) => s.busy);
  return (
    <div className="notices" aria-live="polite">
      {busy && (
        <div className="notice busy">
          <span>{busy.label}</span>
          <Progress value={busy.done} label={busy.label} />
          {busy.cancel && (
            <button type="button" className="link" onClick={busy.cancel}>{t.busy.cancel}</button>
          )}
        </div>
      )}
      {notices.map((notice) => (
        <div key={notice.id} className="notice" data-tone={notice.tone}
             role={notice.tone === 'error' ? 'alert' : 'status'}>
          <span>{notice.text}</span>
          {notice.action && (
            <button type="button" className="link"
                    onClick={() => { notice.action!.run(); dismiss(notice.id); }}>
              {notice.action.label}
            </button>
          )}
          <IconButton icon="close" label={t.errors.dismiss} onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
}
