// What the piece is called, playing it, and the one button that writes.
import { useStudio, set } from '../state/store';
import { current } from '../state/history';
import { redo, undo } from '../state/editing';
import { player, togglePlay, toggleLoop, toStart } from '../state/sounding';
import { t } from '../texts';
import { DownloadMenu } from './DownloadMenu';
import { IconButton, Popover } from './controls';
import { Icon } from './icons';
import { PieceFacts, PositionClock } from './Position';
import { PieceTitle } from './PieceTitle';
import { nextTheme } from './theme';
import { WriteButton } from './WriteButton';

export function Header() {
  const playing = useStudio((s) => s.playing);
  const looping = useStudio((s) => s.looping);
  const empty = useStudio((s) => s.view === null);
  const canUndo = useStudio((s) => s.history.at > 0 && !s.writing);
  const canRedo = useStudio((s) => s.history.at < s.history.steps.length - 1 && !s.writing);
  const piece = useStudio((s) => current(s.history)?.base ?? null);
  return (
    <header className="header">
      <div className="header-title">
        <h1 className="logo"><span className="logo-mark" aria-hidden="true" />{t.app}</h1>
        {piece && <PieceTitle id={piece} />}
      </div>
      {!empty && (
        <div className="transport" role="toolbar" aria-label={t.transport.play}>
          <IconButton icon="start" label={t.transport.start} onClick={toStart} />
          <button type="button" className="play-button" onClick={togglePlay}
                  aria-label={playing === 'stopped' ? t.transport.play : t.transport.pause}
                  title={`${playing === 'stopped' ? t.transport.play : t.transport.pause} (Space)`}>
            <Icon name={playing === 'stopped' ? 'play' : 'pause'} />
          </button>
          <IconButton icon="loop" label={t.transport.loop} pressed={looping} onClick={toggleLoop}
                      className="wide-only" />
          <button type="button" className="icon-button record-dot wide-only" aria-label={t.transport.record}
                  title={t.transport.record}
                  onClick={() => { player.stop(); set({ dialog: 'record' }); }}>
            <Icon name="record" />
          </button>
          <PositionClock />
          <PieceFacts />
        </div>
      )}
      <div className="header-actions">
        {!empty && (
          <>
            <IconButton icon="undo" label={t.transport.undo} disabled={!canUndo} onClick={() => void undo()} />
            <IconButton icon="redo" label={t.transport.redo} disabled={!canRedo} onClick={() => void redo()}
                        className="wide-only" />
          </>
        )}
        {piece && (
          <Popover label={t.header.download} className="icon-button" align="end" button={<Icon name="download" />}>
            {(close) => <DownloadMenu close={close} />}
          </Popover>
        )}
        <IconButton icon="theme" label={t.header.theme} onClick={nextTheme} className="wide-only" />
        <IconButton icon="help" label={t.header.help} onClick={() => set({ dialog: 'help' })} className="wide-only" />
        {!empty && <WriteButton />}
      </div>
    </header>
  );
}
