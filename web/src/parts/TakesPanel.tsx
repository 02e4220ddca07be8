// The tree of takes: what was made, from what, and the way back to each of it.
import { useMemo, useRef, type KeyboardEvent } from 'react';
import type { PieceSummary } from '../api/types';
import { current } from '../state/history';
import { compareWith, openTake, removeTake, startAnew } from '../state/takes';
import { useStudio } from '../state/store';
import { buildTree, flatten, variationNumbers, type TakeNode } from '../state/tree';
import { compareViews } from '../music/compare';
import { t } from '../texts';
import { IconButton } from './controls';
import { Icon } from './icons';
import { PieceBadges } from './PieceTitle';

export function TakesPanel() {
  const pieces = useStudio((s) => s.pieces);
  const shown = useStudio((s) => current(s.history)?.base ?? null);
  const writing = useStudio((s) => s.writing !== null);
  const rows = useMemo(() => flatten(buildTree(pieces.values())), [pieces]);
  const numbers = useMemo(() => variationNumbers(pieces.values()), [pieces]);
  const list = useRef<HTMLUListElement>(null);

  // Arrow keys go from take to take, and open each as they pass: playing goes on in time.
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    event.stopPropagation();
    const at = rows.findIndex((row) => row.piece.id === shown);
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + (event.key === 'ArrowDown' ? 1 : -1)))];
    if (!next) return;
    void openTake(next.piece.id);
    list.current?.querySelector<HTMLElement>(`[data-take="${next.piece.id}"]`)?.focus();
  };

  return (
    <nav className="takes" aria-label={t.takes.title}>
      <div className="panel-head">
        <h2>{t.takes.title}</h2>
        <button type="button" className="quiet-button" title={t.takes.freshHint} onClick={startAnew}
                disabled={writing || !shown}>
          <Icon name="plus" />{t.takes.fresh}
        </button>
      </div>
      {rows.length === 0 ? <p className="panel-empty">{t.takes.empty}</p> : (
        <ul className="take-list" ref={list} onKeyDown={onKey}>
          {rows.map((node) => (
            <TakeRow key={node.piece.id} node={node} number={numbers.get(node.piece.id)}
                     shown={node.piece.id === shown} />
          ))}
        </ul>
      )}
      <Comparison />
      <SavingState />
    </nav>
  );
}

function TakeRow({ node, number, shown }: { node: TakeNode; number: number | undefined; shown: boolean }) {
  const comparing = useStudio((s) => s.compare?.piece.id === node.piece.id);
  const locked = useStudio((s) => s.writing !== null);
  const some = useStudio((s) => s.view !== null);
  const { piece } = node;
  // What was made of a take has its name until it is given one: what was done says more then.
  const named = useStudio((s) => s.pieces.get(piece.parent ?? '')?.name !== piece.name);
  const about = [
    t.takes.kinds[piece.origin.kind], whichBars(piece),
    node.steps.length > 0 ? t.takes.steps(node.steps.length) : '',
  ].filter(Boolean).join(' · ');
  return (
    <li className="take" data-shown={shown ? '' : undefined} data-compared={comparing ? '' : undefined}
        style={{ '--depth': Math.min(node.depth, 6) } as React.CSSProperties}>
      <button type="button" className="take-open" data-take={piece.id} aria-current={shown ? 'true' : undefined}
              disabled={locked} onClick={() => void openTake(piece.id)}>
        <span className="take-label">
          {number !== undefined && <span className="take-number">{number}</span>}{named ? piece.name : about}
        </span>
        {named && <span className="take-about">{about}</span>}
      </button>
      <span className="take-actions">
        {!shown && some && (
          <IconButton icon="compare" pressed={comparing}
                      label={comparing ? t.takes.stopComparing : `${t.takes.compare}: ${piece.name}`}
                      onClick={() => void compareWith(piece.id)} />
        )}
        <IconButton icon="trash" label={`${t.takes.remove}: ${piece.name}`} disabled={locked}
                    onClick={() => void removeTake(piece.id)} />
      </span>
    </li>
  );
}

// The bars that are new in it, or else how many it has.
function whichBars(piece: PieceSummary): string {
  const { first_bar: first, last_bar: last } = piece.origin;
  if (first === undefined || last === undefined || piece.parent === null) return t.takes.bars(piece.bars);
  return t.selection.bars(first, last);
}

function Comparison() {
  const compare = useStudio((s) => s.compare);
  const view = useStudio((s) => s.view);
  const result = useMemo(
    () => (compare && view ? compareViews(view, compare.view) : null), [compare, view]);
  if (!compare || !result) return null;
  return (
    <div className="comparison" role="status">
      <p><span className="ghost-swatch" aria-hidden="true" />{t.takes.comparing(compare.piece.name)}</p>
      <p>{t.takes.compared(result.sameBars, result.bars, result.onlyHere, result.onlyThere)}</p>
      <button type="button" className="link" onClick={() => void compareWith(compare.piece.id)}>
        {t.takes.stopComparing}
      </button>
    </div>
  );
}

function SavingState() {
  const saving = useStudio((s) => s.saving);
  const some = useStudio((s) => s.view !== null);
  const piece = useStudio((s) => s.pieces.get(current(s.history)?.base ?? ''));
  if (!some) return null;
  return (
    <div className="takes-foot">
      <p className="saving" data-state={saving} role="status">{t.takes[saving]}</p>
      {piece && <PieceBadges piece={piece} up />}
    </div>
  );
}
