// A server that is reached from elsewhere asks for its token.
import { useState } from 'react';
import { api, ApiError } from '../api/client';
import { sentence } from '../state/failures';
import { load } from '../state/start';
import { set } from '../state/store';
import { t } from '../texts';
import { Dialog, Field } from './controls';

export function LoginDialog() {
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState('');
  const logIn = async () => {
    try {
      await api.login(token.trim());
      set({ dialog: null, notices: [] });
      await load();
    } catch (error) {
      setWrong(error instanceof ApiError && error.status === 401 ? t.login.wrong : sentence(error));
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
        {wrong && <p className="wrong" role="alert">{wrong}</p>}
        <div className="dialog-actions">
          <button type="submit" className="button primary">{t.login.use}</button>
        </div>
      </form>
    </Dialog>
  );
}
