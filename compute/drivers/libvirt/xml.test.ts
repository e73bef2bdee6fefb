import test from 'ava';
import { element, printable, writeXml } from './xml.ts';

test('text and attributes come out as written, whatever characters they have', (t) => {
  const hostile = `</name><devices>&amp;"'<![CDATA[`;
  const xml = writeXml(element('name', { note: hostile }, [hostile]));
  t.is(xml.match(/</g)?.length, 2);
  const decode = (text: string) =>
    text
      .replace(/&lt;/g, '<')
      .replace(/&gt;/g, '>')
      .replace(/&quot;/g, '"')
      .replace(/&apos;/g, "'")
      .replace(/&amp;/g, '&');
  const [, attribute, content] = /^<name note="([^"]*)">([^<]*)<\/name>$/.exec(xml) ?? [];
  t.deepEqual(
    [attribute, content].map((text) => decode(text ?? '')),
    [hostile, hostile],
  );
});

test('control characters and lone surrogates are refused everywhere', (t) => {
  for (const character of ['\0', '\n', '\r', '\t', '\u001b', '\u007f', '\u0085', '\ud800', '\u2028', '\uffff']) {
    t.throws(() => writeXml(element('a', {}, [`x${character}y`])), { instanceOf: TypeError });
    t.throws(() => writeXml(element('a', { b: `x${character}y` })), { instanceOf: TypeError });
    t.notThrows(() => writeXml(element('a', {}, [printable(`x${character}y`)])));
  }
});

test('printable text keeps letters of any script and is cut between characters', (t) => {
  t.is(printable('Grüße 🎉 数'), 'Grüße 🎉 数');
  t.is(printable('🎉'.repeat(300), 3), '🎉🎉🎉');
});
