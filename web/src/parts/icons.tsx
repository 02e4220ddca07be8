// Icons, drawn on a grid of 20. They are decoration: the button that holds one has the name.
const paths = {
  play: 'M6 4.2v11.6a.8.8 0 0 0 1.2.7l9-5.8a.8.8 0 0 0 0-1.4l-9-5.8A.8.8 0 0 0 6 4.2Z',
  pause: 'M5.5 4h3v12h-3zM11.5 4h3v12h-3z',
  stop: 'M5.5 5.5h9v9h-9z',
  start: 'M4.5 4h2v12h-2zM16 4.8v10.4a.6.6 0 0 1-1 .5L8 10.5a.6.6 0 0 1 0-1l7-5.2a.6.6 0 0 1 1 .5Z',
  record: 'M10 5a5 5 0 1 1 0 10 5 5 0 0 1 0-10Z',
};
const strokes = {
  loop: 'M4 9V8a3 3 0 0 1 3-3h8m-3-3 3 3-3 3M16 11v1a3 3 0 0 1-3 3H5m3 3-3-3 3-3',
  undo: 'M7.5 4 4 7.5 7.5 11M4.5 7.5H12a4.5 4.5 0 0 1 0 9H8',
  redo: 'm12.5 4 3.5 3.5-3.5 3.5M15.500 7.500H8a4.500 4.500 0 0 0 0 9h4',
  download: 'M10 3.500v9m-3.500-3.500 3.500 3.500 3.500-3.500M4 16.500h12',
  help: 'M7.500 7.500a2.500 2.500 0 1 1 3.600 2.200c-.8.4-1.100.9-1.100 1.800m0 2.800v.2',
  theme: 'M15.800 11.800A6.300 6.300 0 0 1 8.200 4.200a6.300 6.300 0 1 0 7.600 7.600Z',
  plus: 'M10 4.500v11M4.500 10h11',
  minus: 'M4.500 10h11',
  close: 'm5.500 5.500 9 9m0-9-9 9',
  pencil: 'm4 16 .8-3.200L13.200 4.400a1.400 1.400 0 0 1 2 0l.4.4a1.400 1.400 0 0 1 0 2L7.200 15.200 4 16Z',
  arrow: 'M5 3.500v11.700l3.200-2.700 2 4.300 1.800-.8-2-4.200 4.100-.3L5 3.500Z',
  fit: 'M3.500 7V3.500H7M13 3.500h3.500V7M16.500 13v3.500H13M7 16.500H3.500V13',
  more: 'm5.500 8 4.500 4.500L14.500 8',
  next: 'm8 5.500 4.500 4.500L8 14.500',
  previous: 'M12 5.500 7.500 10l4.500 4.500',
  file: 'M5 3.500h6.500L15 7v9.500H5zM11.500 3.500V7H15',
  mic: 'M10 3a2.200 2.200 0 0 1 2.200 2.200v4a2.200 2.200 0 0 1-4.400 0v-4A2.200 2.200 0 0 1 10 3ZM5.500 9.500a4.500 4.500 0 0 0 9 0M10 14v3m-2.500 0h5',
  keys: 'M3.500 5h13v10.500h-13zM7.800 11v4.500M12.200 11v4.500M7 5v6h1.600V5m2.800 0v6H13V5',
  numbers: 'M5 7.200 6.500 6v8m3-6.500a1.600 1.600 0 1 1 2.800 1.200L9.500 14h3.200M15.500 6.500v7',
  compare: 'M3.500 4.500h8v6h-8zM8.500 9.500h8v6h-8z',
  trash: 'M4.500 6h11M8 6V4h4v2M6 6l.7 10.500h6.600L14 6',
  dice: 'M4 4h12v12H4zM7.500 7.500h.01M12.500 7.500h.01M10 10h.01M7.500 12.500h.01M12.500 12.500h.01',
  tracks: 'M4 5.500h12M4 10h8M4 14.500h10',
  tree: 'M6 4v12M6 8h4.500a2 2 0 0 1 2 2v1M12.500 13.500v.01M6 16v.01M6 4v.01',
  sliders: 'M4 6.500h6m4 0h2M4 13.500h2m4 0h6M12 4.700v3.600M8 11.700v3.600',
} as const;

export type IconName = keyof typeof paths | keyof typeof strokes;

export function Icon({ name }: { name: IconName }) {
  const filled = name in paths;
  const d = filled ? paths[name as keyof typeof paths] : strokes[name as keyof typeof strokes];
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"
         fill={filled ? 'currentColor' : 'none'} stroke={filled ? 'none' : 'currentColor'}
         strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round">
      <path d={d} />
    </svg>
  );
}
