/** The one writer of XML: whatever text it is given, the document is well-formed and says that text and nothing else. */

export interface Element {
  name: string;
  attributes: Record<string, string | number>;
  children: (Element | string)[];
}

export function element(
  name: string,
  attributes: Record<string, string | number> = {},
  children: (Element | string)[] = [],
): Element {
  return { name, attributes, children };
}

/** @throws TypeError for text that XML cannot hold or that libvirt would misread: control characters, lone surrogates. */
export function writeXml({ name, attributes, children }: Element): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(String(value))}"`);
  const inner = children.map((child) => (typeof child === 'string' ? escapeText(child) : writeXml(child)));
  return inner.length === 0
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>${inner.join('')}</${name}>`;
}

/** Text for people, with what `writeXml` refuses replaced, and no longer than a line should be. */
export function printable(text: string, longest = 200): string {
  return [...text.replace(new RegExp(unwritable, 'gu'), '\ufffd')].slice(0, longest).join('');
}

const unwritable = '[\\p{Cc}\\p{Cs}\\u2028\\u2029\\ufffe\\uffff]';
const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

function escapeText(text: string): string {
  if (new RegExp(unwritable, 'u').test(text))
    throw new TypeError('Text with control characters cannot be written as XML.');
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
