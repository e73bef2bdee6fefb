/** @returns `clean`, which is called by itself when a person or a supervisor ends us first. */
export function alsoWhenInterrupted(clean: () => Promise<void>): () => Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const end = () => {
    clean().then(
      () => process.exit(1),
      (error: Error) => {
        process.stderr.write(`\n${error.message}\n`);
        process.exit(1);
      },
    );
  };
  for (const signal of signals) process.once(signal, end);
  return async () => {
    await clean();
    for (const signal of signals) process.off(signal, end);
  };
}
