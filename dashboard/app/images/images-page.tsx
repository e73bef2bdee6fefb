import { Link } from 'react-router';
import { DeleteButton } from '../parts/delete-button.tsx';
import { bytes } from '../parts/format.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { paths } from '../paths.ts';
import { useSession } from '../session/session-provider.tsx';
import { type Image, isForContainers } from './image.ts';
import { useDeleteImage, useImages } from './queries.ts';

const uploadLink = (
  <Link className="button primary" to={paths.uploadImage}>
    Upload image
  </Link>
);

export function ImagesPage() {
  const query = useImages();
  const remove = useDeleteImage();
  const { project } = useSession();
  const whyNot = (image: Image) => {
    if (image.owner !== project.id) return 'It belongs to another project.';
    return image.protected ? 'It is protected against deletion.' : null;
  };
  return (
    <Page title="Images" actions={uploadLink}>
      <Loaded query={query} what="the images">
        {(images) =>
          images.length === 0 ? (
            <Empty title="No images yet" action={uploadLink}>
              Servers boot from a disk image, containers run from an archive of docker save.
            </Empty>
          ) : (
            <Table
              label="Images"
              items={images}
              keyOf={(image) => image.id}
              columns={[
                { title: 'Name', cell: (image) => image.name || <code>{image.id}</code> },
                { title: 'Status', cell: (image) => <Status status={image.status} /> },
                { title: 'For', cell: (image) => (isForContainers(image) ? 'containers' : 'servers') },
                { title: 'Format', cell: (image) => (isForContainers(image) ? 'docker' : image.disk_format) },
                { title: 'Size', cell: (image) => (image.size === null ? '–' : bytes(image.size)), align: 'right' },
                { title: 'Visibility', cell: (image) => image.visibility },
                { title: 'Created', cell: (image) => <Time at={image.created_at} /> },
                {
                  title: 'Actions',
                  align: 'actions',
                  cell: (image) => (
                    <DeleteButton
                      kind="image"
                      name={image.name ?? image.id}
                      whyNot={whyNot(image)}
                      consequence="Servers and containers made from it keep running. This cannot be undone."
                      submit={() => remove(image.id)}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  );
}
