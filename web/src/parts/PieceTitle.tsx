// The shown take: its name, whether it is new, and what it was made with.
import { useEffect, useState } from 'react';
import type { Novelty, PieceSummary } from '../api/types';
import { copiedBars } from '../roll/paint';
import { renameTake, stepVariation } from '../state/takes';
import { get, set, useStudio } from '../state/store';
import { variationsOf } from '../state/tree';
import { t } from '../texts';
import { IconButton, Popover } from './controls';

export function PieceTitle({ id }: { id: string }) {
  const piece = useStudio((s) => s.pieces.get(id));
  const pieces = useStudio((s) => s.pieces);
  if (!piece) return null;
  const variations = variationsOf(pieces.values(), id);
  const at = variations.findIndex((take) => take.id === id) + 1;
  return (
    <div className="piece-title">
      <TakeName piece={piece} />
      {variations.length > 1 && (
        <span className="variations">
          <IconButton icon="previous" label={t.takes.previous} onClick={() => void stepVariation(-1)} />
          <span className="variation-count">{t.write.variation(at, variations.length)}</span>
          <IconButton icon="next" label={t.takes.next} onClick={() => void stepVariation(1)} />
        </span>
      )}
      <PieceBadges piece={piece} />
    </div>
  );
}

// In the header where there is room, else under the takes, where they open upwards.
export function PieceBadges({ piece, up }: { piece: PieceSummary; up?: boolean }) {
  const saving = useStudio((s) => s.saving);
  return (
    <div className="badges">
      {piece.novelty && saving === 'saved' && <NoveltyBadge novelty={piece.novelty} up={up} />}
      {piece.recipe && (
        <Popover label={t.recipe.title} className="badge" button={t.recipe.title} up={up}>
          {() => <RecipeCard piece={piece} />}
        </Popover>
      )}
    </div>
  );
}

function TakeName({ piece }: { piece: PieceSummary }) {
  const [name, setName] = useState(piece.name);
  useEffect(() => setName(piece.name), [piece.name, piece.id]);
  const commit = () => {
    if (name.trim() && name !== piece.name) void renameTake(piece.id, name);
    else setName(piece.name);
  };
  return (
    <input className="take-name" aria-label={t.takes.name} value={name} maxLength={120}
           size={Math.min(28, Math.max(8, name.length))} onChange={(e) => setName(e.target.value)} onBlur={commit}
           onKeyDown={(e) => {
             if (e.key === 'Enter') e.currentTarget.blur();
             if (e.key === 'Escape') {
               setName(piece.name);
               e.currentTarget.blur();
             }
           }} />
  );
}

function NoveltyBadge({ novelty, up }: { novelty: Novelty; up: boolean | undefined }) {
  const run = novelty.longest_run;
  const own = copiedBars(novelty);
  if (novelty.verdict === 'new') {
    return (
      <Popover label={t.novelty.fresh} className="badge fresh" button={t.novelty.fresh} up={up}>
        {() => <p className="note">{t.novelty.freshHint(run.notes)}</p>}
      </Popover>
    );
  }
  return (
    <Popover label={t.novelty.copy} className="badge known" button={t.novelty.copy} up={up}>
      {() => (
        <p className="note">
          {novelty.exact_notes ? `${t.novelty.exact}: “${run.piece}”`
            : t.novelty.copyHint(run.piece ?? '', own ? t.novelty.bars(own[0], own[1]) : '', run.notes)}
        </p>
      )}
    </Popover>
  );
}

function RecipeCard({ piece }: { piece: PieceSummary }) {
  const recipe = piece.recipe!;
  const settings = recipe.settings as Record<string, unknown>;
  const controls = Object.entries((settings.controls ?? {}) as Record<string, unknown>);
  const sampling = Object.entries((settings.sampling ?? {}) as Record<string, unknown>);
  return (
    <dl className="recipe">
      <dt>{t.recipe.kind}</dt>
      <dd>{t.takes.kinds[piece.origin.kind]}{recipe.complete ? '' : `, ${t.recipe.stopped}`}</dd>
      <dt>{t.recipe.model}</dt>
      <dd>{recipe.model_name} <code title={recipe.model}>{recipe.model.slice(0, 8)}</code></dd>
      <dt>{t.recipe.seed}</dt>
      <dd>
        <code>{recipe.seed}</code>{' '}
        <button type="button" className="link"
                onClick={() => set({ wish: { ...get().wish, seed: recipe.seed } })}>
          {t.recipe.useSeed}
        </button>
      </dd>
      <dt>{t.recipe.took}</dt>
      <dd>{t.recipe.seconds(recipe.seconds)}</dd>
      <dt>{t.recipe.settings}</dt>
      <dd>
        {[...controls, ...sampling].map(([name, value]) => (
          <span key={name} className="setting">{name.replace(/_/g, ' ')} {String(value)}</span>
        ))}
      </dd>
    </dl>
  );
}
