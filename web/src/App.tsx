// The page: header, takes, the music, settings, tracks; and what opens over them.
import { lazy, Suspense } from 'react';
import { BeatsDialog } from './parts/BeatsDialog';
import { DropTarget } from './parts/DropTarget';
import { Header } from './parts/Header';
import { HelpDialog } from './parts/HelpDialog';
import { LoginDialog } from './parts/LoginDialog';
import { Notices } from './parts/Notices';
import { PlayDialog } from './parts/PlayDialog';
import { RecordDialog } from './parts/RecordDialog';
import { SheetTabs } from './parts/SheetTabs';
import { TakesPanel } from './parts/TakesPanel';
import { TracksStrip } from './parts/TracksStrip';
import { TypeDialog } from './parts/TypeDialog';
import { useShortcuts } from './parts/shortcuts';
import { ViewTabs } from './parts/ViewTabs';
import { Welcome } from './parts/Welcome';
import { WishPanel } from './parts/WishPanel';
import { Roll } from './roll/Roll';
import { useStudio } from './state/store';

const SheetView = lazy(() => import('./sheet/SheetView'));
const WaveView = lazy(() => import('./parts/WaveView'));

export function App() {
  useShortcuts();
  const empty = useStudio((s) => s.view === null);
  const writing = useStudio((s) => s.writing !== null);
  const tab = useStudio((s) => s.tab);
  const dialog = useStudio((s) => s.dialog);
  const sheet = useStudio((s) => s.sheet);
  return (
    <div className="app" data-sheet={sheet ?? undefined} data-empty={empty && !writing ? '' : undefined}>
      <Header />
      <TakesPanel />
      <main className="stage">
        {empty && !writing ? <Welcome /> : (
          <>
            {tab === 'notes' && <Roll />}
            <Suspense fallback={null}>
              {tab === 'sheet' && <SheetView />}
              {tab === 'wave' && <WaveView />}
            </Suspense>
            <ViewTabs />
          </>
        )}
      </main>
      <WishPanel />
      <TracksStrip />
      <SheetTabs />
      <DropTarget />
      <Notices />
      {dialog === 'record' && <RecordDialog />}
      {dialog === 'play' && <PlayDialog />}
      {dialog === 'type' && <TypeDialog />}
      {dialog === 'help' && <HelpDialog />}
      {dialog === 'login' && <LoginDialog />}
      {dialog === 'beats' && <BeatsDialog />}
    </div>
  );
}
