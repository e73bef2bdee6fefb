import { createHash } from 'node:crypto';

const script = 'document.forms[0].submit()';
const scriptHash = createHash('sha256').update(script).digest('base64');

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string) => text.replace(/[&<>"']/g, (one) => entities[one] ?? one);

const always = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
const closed = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"];

export interface Page {
  html: string;
  headers: Record<string, string>;
}

/** A page that posts the token to the dashboard by itself, as Keystone's does; with a button where scripts are off. */
export function handOverPage(origin: string, token: string): Page {
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
  const policy = [...closed, `script-src 'sha256-${scriptHash}'`, `form-action ${new URL(origin).origin}`];
  return { html, headers: { ...always, 'content-security-policy': policy.join('; ') } };
}

/** What somebody reads whom the way back led nowhere. */
export function failurePage(message: string, dashboard: string): Page {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Not logged in</title>
<h1>Not logged in</h1>
<p>${escaped(message)}</p>
<p><a href="${escaped(dashboard)}">To the dashboard</a></p>
</html>
`;
  return { html, headers: { ...always, 'content-security-policy': [...closed, "form-action 'none'"].join('; ') } };
}
