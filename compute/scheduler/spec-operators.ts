/** `<in> abc`, `s== x`, `<or> a <or> b` …: how an extra spec compares (nova/scheduler/filters/extra_specs_ops.py). */

type Operator = (value: string, wanted: string) => boolean;

const operators: Readonly<Record<string, Operator>> = {
  '=': (value, wanted) => Number(value) >= Number(wanted),
  '==': (value, wanted) => Number(value) === Number(wanted),
  '!=': (value, wanted) => Number(value) !== Number(wanted),
  '>=': (value, wanted) => Number(value) >= Number(wanted),
  '<=': (value, wanted) => Number(value) <= Number(wanted),
  's==': (value, wanted) => value === wanted,
  's!=': (value, wanted) => value !== wanted,
  's<': (value, wanted) => value < wanted,
  's<=': (value, wanted) => value <= wanted,
  's>': (value, wanted) => value > wanted,
  's>=': (value, wanted) => value >= wanted,
  '<in>': (value, wanted) => value.includes(wanted),
};

/** Whether what a host has is what the spec asks for. A requirement without an operator asks for that very text. */
export function matches(value: string, requirement: string): boolean {
  const [operator = '', ...words] = requirement.split(/\s+/).filter((word) => word !== '');
  if (operator === '<or>') return words.filter((word) => word !== '<or>').includes(value);
  if (operator === '<all-in>') return words.length > 0 && words.every((word) => value.includes(word));
  const compare = Object.hasOwn(operators, operator) ? operators[operator] : undefined;
  if (compare === undefined) return value === requirement;
  return words[0] !== undefined && compare(value, words[0]);
}
