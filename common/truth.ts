/** The words that OpenStack takes for true, of whatever a client writes where yes or no is asked; anything else is no (oslo_utils.strutils.bool_from_string). */
export function isYes(value: unknown): boolean {
  return /^(1|t|true|on|y|yes)$/i.test(String(value ?? '').trim());
}
