// Select or draw, and how near one looks.
import { IconButton } from '../parts/controls';
import { set, useStudio } from '../state/store';
import { t } from '../texts';

export function RollTools({ zoomIn, zoomOut, fit }: {
  zoomIn: () => void; zoomOut: () => void; fit: () => void;
}) {
  const tool = useStudio((s) => s.tool);
  return (
    <div className="roll-tools" role="toolbar" aria-label={t.roll.tools}>
      <IconButton icon="arrow" label={t.roll.select} pressed={tool === 'select'}
                  onClick={() => set({ tool: 'select' })} />
      <IconButton icon="pencil" label={t.roll.draw} pressed={tool === 'draw'}
                  onClick={() => set({ tool: 'draw' })} />
      <span className="divider" />
      <IconButton icon="minus" label={t.roll.zoomOut} onClick={zoomOut} />
      <IconButton icon="plus" label={t.roll.zoomIn} onClick={zoomIn} />
      <IconButton icon="fit" label={t.roll.fit} onClick={fit} />
    </div>
  );
}
