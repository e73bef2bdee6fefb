/** The operator's command line. Each command is one function of its own file. */

import { runCommand } from './command.ts';
import { doctor, doctorHelp } from './doctor.ts';
import { host, hostHelp } from './drain.ts';
import { identity, identityHelp } from './identity.ts';
import { policy, policyHelp } from './policy.ts';

const help = `Usage: cirrostack COMMAND [OPTIONS]

  doctor                   checks this host and the cloud on it, and says what to do
  policy show              shows who may do what, and what the policy file changes
  host drain               takes the servers of a host to others
  identity bootstrap       makes the first administrator, or lets them in again
  identity rotate-keys     signs tokens with a new key
  identity reset-password  gives a user another password

cirrostack COMMAND --help tells more. bin/up starts a cloud, bin/down stops it.
`;

const commands: Record<string, { help: string; run: (argv: string[]) => Promise<number> }> = {
  doctor: { help: doctorHelp, run: doctor },
  host: { help: hostHelp, run: host },
  identity: { help: identityHelp, run: identity },
  policy: { help: policyHelp, run: policy },
};

const [name = '', ...rest] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
await runCommand(command?.help ?? help, command ? rest : process.argv.slice(2), async (argv) => {
  if (command) return command.run(argv);
  process.stderr.write(help);
  return name === '' ? 0 : 2;
});
