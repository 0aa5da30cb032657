// Programs started by the tests, ended by their own ids.
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';

/** Starts a program in a session of its own, its output in a file. It is interrupted when the tests are killed. */
export function start(command, args, { log, ...options }) {
  const output = openSync(log, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'INT', command, ...args], { stdio: ['ignore', output, output], detached: true, ...options });
  closeSync(output);
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => resolve({ error }));
  });
  const program = {
    pid: child.pid,
    ended,
    log: () => readFileSync(log, 'utf8'),
    get running() {
      return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
    },
    /** Sends the signal and waits for the end; after `patience` milliseconds that is an error, and SIGKILL follows. */
    async stop(signal = 'SIGTERM', patience = 15_000) {
      if (!program.running) return ended;
      child.kill(signal);
      let timer;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, patience, 'late')));
      const result = await Promise.race([ended, late]);
      clearTimeout(timer);
      if (result !== 'late') return result;
      child.kill('SIGKILL');
      await ended;
      throw new Error(`${command} was still there ${patience / 1000} s after ${signal}:\n${program.log().slice(-4000)}`);
    },
  };
  return program;
}
