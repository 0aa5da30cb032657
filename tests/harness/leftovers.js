// What a test may not leave behind: processes and mounts that belong to a folder.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

const link = (path) => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Processes whose command line, folder, root or program lies in `folder`, as { pid, ppid, command }. */
export function processesOf(folder) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    let command;
    let stat;
    try {
      command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      continue; // it has ended
    }
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') continue;
    const places = [command, ...['cwd', 'root', 'exe'].map((name) => link(`/proc/${pid}/${name}`))];
    if (places.some((place) => place.includes(folder))) found.push({ pid: Number(pid), ppid: Number(fields[1]), command });
  }
  return found;
}

/** Mount points in `folder`. */
export function mountsOf(folder) {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point) => point?.startsWith(folder));
}
