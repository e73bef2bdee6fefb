/** Progress for a person: each step while it runs, and then how long it took. */

export interface Steps {
  /** Runs one step; what it returns, if it is text, is shown as its result. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  seconds(): number;
}

export function startSteps(out: NodeJS.WriteStream = process.stderr): Steps {
  const began = performance.now();
  const since = (start: number) => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  return {
    seconds: () => (performance.now() - began) / 1000,
    async step(title, work) {
      const start = performance.now();
      const tick = () => out.write(`\r  …  ${title}  ${since(start)} `);
      const timer = out.isTTY ? setInterval(tick, 200) : undefined;
      if (out.isTTY) tick();
      const finish = (mark: string, result: string) => {
        clearInterval(timer);
        out.write(`${out.isTTY ? '\r\x1b[K' : ''}  ${mark}  ${title}${result}  (${since(start)})\n`);
      };
      try {
        const result = await work();
        finish('✔', typeof result === 'string' && result !== '' ? `: ${result}` : '');
        return result;
      } catch (error) {
        finish('✘', '');
        throw error;
      }
    },
  };
}

/** Columns padded to their widest cell. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}\n`,
    )
    .join('');
}
