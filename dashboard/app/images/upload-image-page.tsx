import { useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { Field, Form, SelectField, TextField } from '../parts/form.tsx';
import { bytes } from '../parts/format.ts';
import { Card, Page } from '../parts/page.tsx';
import { paths } from '../paths.ts';
import { formatFields, formatOfFile, type ImageFormat, imageFormats } from './image.ts';
import { useUploadImage } from './queries.ts';

export function UploadImagePage() {
  const upload = useUploadImage();
  const navigate = useNavigate();
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState('');
  const [format, setFormat] = useState<ImageFormat>('qcow2');
  const [sentBytes, setSentBytes] = useState<number | null>(null);
  const sending = useRef<AbortController>(null);
  const choose = (chosen: File | null) => {
    setFile(chosen);
    if (!chosen) return;
    setFormat(formatOfFile(chosen.name));
    if (name === '') setName(chosen.name.replace(/\.[^.]+$/, ''));
  };
  const send = async () => {
    if (!file) return;
    sending.current = new AbortController();
    setSentBytes(0);
    try {
      await upload({ name, ...formatFields(format) }, file, {
        signal: sending.current.signal,
        onProgress: setSentBytes,
      });
      navigate(paths.images);
    } finally {
      setSentBytes(null);
    }
  };
  return (
    <Page title="Upload image" back={{ to: paths.images, label: 'Images' }}>
      <Card title="Image">
        <Form
          submit={send}
          submitLabel="Upload"
          failed="Could not upload the image"
          whyNot={file ? null : 'Choose a file first.'}
          cancel={() => (sentBytes === null ? navigate(paths.images) : sending.current?.abort())}
        >
          <Field label="File" hint="It is read by the cloud as it arrives; nothing but this file is sent.">
            {(ids) => (
              <input type="file" {...ids} required onChange={(event) => choose(event.target.files?.[0] ?? null)} />
            )}
          </Field>
          <TextField label="Name" value={name} onValue={setName} maxLength={255} required />
          <SelectField
            label="Format"
            hint="The cloud looks inside the file and refuses it when it is something else."
            value={format}
            onValue={(value) => setFormat(value as ImageFormat)}
            choices={imageFormats}
          />
          {file && sentBytes !== null ? (
            <div className="field">
              <label htmlFor="sent">
                Sent {bytes(sentBytes)} of {bytes(file.size)}
              </label>
              <progress id="sent" max={file.size} value={sentBytes} />
            </div>
          ) : null}
        </Form>
      </Card>
    </Page>
  );
}
