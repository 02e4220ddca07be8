// The computer's keyboard as a piano: a row of letters is a row of white keys. By the keys' places,
// not their letters, so that other layouts work too.

const kKeys = [
  'KeyA', 'KeyW', 'KeyS', 'KeyE', 'KeyD', 'KeyF', 'KeyT', 'KeyG', 'KeyY', 'KeyH', 'KeyU', 'KeyJ',
  'KeyK', 'KeyO', 'KeyL', 'KeyP', 'Semicolon',
];

// Semitones above the C that A plays; null for other keys.
export function semitonesOf(code: string): number | null {
  const at = kKeys.indexOf(code);
  return at < 0 ? null : at;
}

export function letterOf(semitones: number): string {
  const code = kKeys[semitones];
  return code ? code.replace('Key', '').replace('Semicolon', ';') : '';
}
