/** The operator's command line. Each command is one function of its own file. */

import { runCommand } from './command.ts';
import { doctor, doctorHelp } from './doctor.ts';

const help = `Usage: cirrostack COMMAND [OPTIONS]

  doctor   checks this host and the cloud on it, and says what to do

cirrostack COMMAND --help tells more. bin/up starts a cloud, bin/down stops it.
`;

const [command, ...rest] = process.argv.slice(2);
await runCommand(
  command === 'doctor' ? doctorHelp : help,
  command === 'doctor' ? rest : process.argv.slice(2),
  async (argv) => {
    if (command === 'doctor') return doctor(argv);
    process.stderr.write(help);
    return command === undefined ? 0 : 2;
  },
);
