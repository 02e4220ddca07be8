import '@fontsource-variable/inter/wght.css';
import './styles/theme.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/dialogs.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { start } from './state/start';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
void start();
