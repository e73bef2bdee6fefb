import { type ReactNode, useState } from 'react';
import { Button } from '../parts/button.tsx';
import { CreateImageDialog, EditDialog, LockDialog, RebuildDialog, RescueDialog, ResizeDialog } from './dialogs.tsx';
import type { useServerAction } from './queries.ts';
import { type Server, whyNot } from './server.ts';

/** What each asks before it is done. */
const dialogs = {
  edit: EditDialog,
  lock: LockDialog,
  image: CreateImageDialog,
  resize: ResizeDialog,
  rebuild: RebuildDialog,
  rescue: RescueDialog,
};

/** What is wanted less often than power. Of a thing and its way back only the one that is possible is there. */
export function MoreActions({ server, action }: { server: Server; action: ReturnType<typeof useServerAction> }) {
  const [open, setOpen] = useState<keyof typeof dialogs | null>(null);
  const state = server['OS-EXT-STS:vm_state'];
  const at = (label: string, needs: Parameters<typeof whyNot>[1], body: object): ReactNode => (
    <Button busy={action.isPending} whyNot={whyNot(server, needs)} onClick={() => action.mutate(body)}>
      {label}
    </Button>
  );
  const asking = (label: string, needs: Parameters<typeof whyNot>[1], dialog: keyof typeof dialogs): ReactNode => (
    <Button whyNot={whyNot(server, needs)} onClick={() => setOpen(dialog)}>
      {label} …
    </Button>
  );
  const isShelved = state === 'shelved' || state === 'shelved_offloaded';
  const Dialog = open && dialogs[open];
  return (
    <div className="toolbar">
      {state === 'paused' ? at('Unpause', 'unpause', { unpause: null }) : at('Pause', 'pause', { pause: null })}
      {state === 'suspended' ? at('Resume', 'resume', { resume: null }) : at('Suspend', 'suspend', { suspend: null })}
      {isShelved ? at('Unshelve', 'unshelve', { unshelve: null }) : at('Shelve', 'shelve', { shelve: null })}
      {state === 'rescued' ? at('Unrescue', 'unrescue', { unrescue: null }) : asking('Rescue', 'rescue', 'rescue')}
      {state === 'resized' ? (
        <>
          {at('Confirm resize', 'confirm resize', { confirmResize: null })}
          {at('Revert resize', 'revert resize', { revertResize: null })}
        </>
      ) : (
        asking('Resize', 'resize', 'resize')
      )}
      {asking('Rebuild', 'rebuild', 'rebuild')}
      {asking('Create image', 'snapshot', 'image')}
      {server.locked ? (
        <Button busy={action.isPending} onClick={() => action.mutate({ unlock: null })}>
          Unlock
        </Button>
      ) : (
        <Button onClick={() => setOpen('lock')}>Lock …</Button>
      )}
      <Button onClick={() => setOpen('edit')}>Edit …</Button>
      {Dialog ? <Dialog server={server} close={() => setOpen(null)} /> : null}
    </div>
  );
}
