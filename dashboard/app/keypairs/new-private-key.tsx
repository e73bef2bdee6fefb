import { useState } from 'react';
import { Button } from '../parts/button.tsx';
import type { Keypair } from './queries.ts';

/** The one chance to keep the private key. It is in this page's memory only and gone when the page is left. */
export function NewPrivateKey({ keypair, close }: { keypair: Keypair; close: () => void }) {
  const [saved, setSaved] = useState(false);
  const save = () => {
    const url = URL.createObjectURL(new Blob([keypair.private_key ?? '']));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${keypair.name.replace(/[^\w.-]/g, '_')}.pem`;
    link.click();
    URL.revokeObjectURL(url);
    setSaved(true);
  };
  return (
    <section className="notice" aria-label="New private key">
      <strong>Keep the private key of “{keypair.name}” now: it cannot be shown again.</strong>
      <pre className="log">{keypair.private_key}</pre>
      <div className="toolbar">
        <Button kind="primary" onClick={save}>
          Save as file
        </Button>
        <Button onClick={close}>{saved ? 'Done' : 'I have kept it'}</Button>
      </div>
    </section>
  );
}
