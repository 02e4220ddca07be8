// A server that is reached from elsewhere asks for its token.
import { useState } from 'react';
import { api } from '../api/client';
import { load } from '../state/start';
import { set } from '../state/store';
import { t } from '../texts';
import { Dialog, Field } from './controls';

export function LoginDialog() {
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState(false);
  const logIn = async () => {
    try {
      await api.login(token.trim());
      set({ dialog: null, notices: [] });
      await load();
    } catch {
      setWrong(true);
    }
  };
  return (
    <Dialog title={t.login.title} onClose={() => set({ dialog: null })}>
      <form onSubmit={(e) => { e.preventDefault(); void logIn(); }}>
        <Field label={t.login.label} note={t.login.hint}>
          {(id) => (
            <input id={id} type="password" autoComplete="current-password" value={token}
                   onChange={(e) => setToken(e.target.value)} />
          )}
        </Field>
        {wrong && <p className="wrong" role="alert">{t.login.wrong}</p>}
        <div className="dialog-actions">
          <button type="submit" className="button primary">{t.login.use}</button>
        </div>
      </form>
    </Dialog>
  );
}
