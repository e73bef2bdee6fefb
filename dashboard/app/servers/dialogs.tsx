import { type ReactNode, useState } from 'react';
import { flavorText } from '../flavors/flavor-text.ts';
import { useFlavors } from '../flavors/queries.ts';
import { isForContainers } from '../images/image.ts';
import { useImages } from '../images/queries.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Form, SelectField, TextField } from '../parts/form.tsx';
import { useEditServer, useServerAction } from './queries.ts';
import { type Server, tagsIn } from './server.ts';

interface Asking {
  server: Server;
  close: () => void;
}

/** One of the server's actions that has to be told something, or loses something. */
function ActionDialog({
  server,
  close,
  title,
  verb,
  body,
  danger = false,
  whyNot = null,
  children,
}: Asking & {
  title: string;
  verb: string;
  body: () => object;
  danger?: boolean;
  whyNot?: string | null;
  children: ReactNode;
}) {
  const action = useServerAction(server.id);
  return (
    <Dialog title={title} close={close}>
      <Form
        submit={async () => {
          await action.mutateAsync(body());
          close();
        }}
        submitLabel={verb}
        failed={`${verb} failed`}
        danger={danger}
        whyNot={whyNot}
        cancel={close}
      >
        {children}
      </Form>
    </Dialog>
  );
}

/** Its disk becomes an image; a running server goes on. */
export function CreateImageDialog({ server, close }: Asking) {
  const [name, setName] = useState(`${server.name} snapshot`.slice(0, 255));
  const asked = { title: `Create an image of “${server.name}”`, verb: 'Create image' };
  return (
    <ActionDialog server={server} close={close} {...asked} body={() => ({ createImage: { name } })}>
      <TextField label="Name of the image" value={name} onValue={setName} maxLength={255} required autoFocus />
    </ActionDialog>
  );
}

/** To another flavor; the old size is kept until it is confirmed. */
export function ResizeDialog({ server, close }: Asking) {
  const flavors = useFlavors().data?.filter(({ id }) => id !== server.flavor.id) ?? [];
  const [chosen, setChosen] = useState('');
  const flavorRef = chosen || (flavors[0]?.id ?? '');
  return (
    <ActionDialog
      server={server}
      close={close}
      title={`Resize “${server.name}”`}
      verb="Resize"
      whyNot={flavorRef === '' ? 'There is no other flavor.' : null}
      body={() => ({ resize: { flavorRef } })}
    >
      <SelectField
        label="Flavor"
        hint="It restarts with the new size. Confirm it then, or revert to the old one."
        value={flavorRef}
        onValue={setChosen}
        choices={flavors.map((flavor) => ({ value: flavor.id, label: flavorText(flavor) }))}
      />
    </ActionDialog>
  );
}

function ImageField({ image, setImage, none }: { image: string; setImage: (id: string) => void; none: string }) {
  const usable = (useImages().data ?? []).filter((one) => one.status === 'active' && !isForContainers(one));
  return (
    <SelectField
      label="Image"
      value={image}
      onValue={setImage}
      none={none}
      choices={usable.map(({ id, name }) => ({ value: id, label: name ?? id }))}
    />
  );
}

/** A fresh disk, under the same id and the same addresses. */
export function RebuildDialog({ server, close }: Asking) {
  const [image, setImage] = useState('');
  const own = server.image === '' ? '' : server.image.id;
  return (
    <ActionDialog
      server={server}
      close={close}
      title={`Rebuild “${server.name}”`}
      verb="Rebuild"
      danger
      body={() => ({ rebuild: { imageRef: image || own } })}
    >
      <p>Everything on its disk is lost. It keeps its id, its addresses and its name.</p>
      <ImageField image={image} setImage={setImage} none="The image that it was made from" />
    </ActionDialog>
  );
}

/** Boots from a fresh disk, with its own beside it. */
export function RescueDialog({ server, close }: Asking) {
  const [image, setImage] = useState('');
  return (
    <ActionDialog
      server={server}
      close={close}
      title={`Rescue “${server.name}”`}
      verb="Rescue"
      body={() => ({ rescue: image === '' ? null : { rescue_image_ref: image } })}
    >
      <p>It restarts from a fresh disk, with its own as the second, until it is unrescued.</p>
      <ImageField image={image} setImage={setImage} none="The image that it was made from" />
    </ActionDialog>
  );
}

/** Nothing more is done to it until it is unlocked. */
export function LockDialog({ server, close }: Asking) {
  return (
    <ActionDialog
      server={server}
      close={close}
      title={`Lock “${server.name}”?`}
      verb="Lock"
      body={() => ({ lock: null })}
    >
      <p>Nobody of this project can stop, change or delete it until somebody unlocks it.</p>
    </ActionDialog>
  );
}

/** What people call it, and what they find it by. */
export function EditDialog({ server, close }: Asking) {
  const edit = useEditServer(server);
  const [name, setName] = useState(server.name);
  const [description, setDescription] = useState(server.description ?? '');
  const [tags, setTags] = useState(server.tags.join(', '));
  return (
    <Dialog title={`Edit “${server.name}”`} close={close}>
      <Form
        submit={async () => {
          await edit({ name, description: description || null, tags: tagsIn(tags) });
          close();
        }}
        submitLabel="Save"
        failed="Could not save it"
        cancel={close}
      >
        <TextField label="Name" value={name} onValue={setName} maxLength={255} required autoFocus />
        <TextField label="Description" value={description} onValue={setDescription} maxLength={255} />
        <TextField label="Tags" hint="With commas between them." value={tags} onValue={setTags} />
      </Form>
    </Dialog>
  );
}
