import { createHash } from 'node:crypto';

const script = 'document.forms[0].submit()';
const scriptHash = createHash('sha256').update(script).digest('base64');

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string) => text.replace(/[&<>"']/g, (one) => entities[one] ?? one);

/** A page that posts the token to the dashboard by itself, as Keystone's does; with a button where scripts are off. */
export function handOverPage(origin: string, token: string): { html: string; headers: Record<string, string> } {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Logging in</title>
<form action="${escaped(origin)}" method="post">
<input type="hidden" name="token" value="${escaped(token)}">
<noscript><button>Continue to the dashboard</button></noscript>
</form>
<script>${script}</script>
</html>
`;
  return {
    html,
    headers: {
      'content-security-policy': [
        "default-src 'none'",
        `script-src 'sha256-${scriptHash}'`,
        `form-action ${new URL(origin).origin}`,
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  };
}
