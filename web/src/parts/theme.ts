// Light or dark: as the system says, until the person says otherwise.
const kKept = 'hemiola.theme';

export function applyTheme(): void {
  const kept = localStorage.getItem(kKept);
  if (kept) document.documentElement.dataset.theme = kept;
}

export function nextTheme(): void {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem(kKept, root.dataset.theme);
}
