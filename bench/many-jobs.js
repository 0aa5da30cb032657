// With many jobs in PostgreSQL: how long the server takes to answer for the list, a search and a page of jobs, which is what
// its pages ask for, and how long a client beside it waits. Fails where one of a hundred takes longer in the server than is
// promised. usage: many-jobs.js [JOBS]
import assert from 'node:assert/strict';
import { World } from '../tests/harness/world.js';

const jobs = Number(process.argv[2] ?? 200_000);
const jobsOfSpec = 20;
const specs = Math.ceil(jobs / jobsOfSpec);
const promised = 20; // milliseconds
const times = 300;

/** Copies of one finished spec, in the tables themselves: specs with jobs that ended one after the other. */
const fill = `
  create temporary table seed as select s as spec, r as revision, j as job
    from image_specs s join revisions r on r.spec_id = s.id join build_jobs j on j.spec_id = s.id where s.name = 'seed';
  insert into image_specs select (jsonb_populate_record(spec, jsonb_build_object('id', md5('s' || n), 'name', 'image-' || n, 'revision_id', md5('r' || n),
    'latest_job_id', md5('j' || n || '-${jobsOfSpec}'), 'last_job_number', ${jobsOfSpec}, 'created_at', (spec).created_at + n, 'updated_at', (spec).updated_at + n))).* from seed, generate_series(1, ${specs}) n;
  insert into revisions select (jsonb_populate_record(revision, jsonb_build_object('id', md5('r' || n), 'spec_id', md5('s' || n), 'hash', md5('a' || n) || md5('b' || n)))).*
    from seed, generate_series(1, ${specs}) n;
  insert into build_jobs select (jsonb_populate_record(job, jsonb_build_object('id', md5('j' || n || '-' || k), 'spec_id', md5('s' || n), 'revision_id', md5('r' || n),
    'revision_hash', md5('a' || n) || md5('b' || n), 'number', k, 'created_at', (job).created_at + n, 'updated_at', (job).updated_at + n, 'finished_at', (job).finished_at + n))).*
    from seed, generate_series(1, ${specs}) n, generate_series(1, ${jobsOfSpec}) k;
  analyze`;

const list = (order, search) => `{ imageSpecs(first: 50, orderBy: { ${order} }${search ? `, search: "${search}"` : ''}) { totalCount pageInfo { hasNextPage endCursor } nodes { name status image updatedAt latestJob { id number status } } } }`;
const any = () => Math.ceil(Math.random() * specs);
const questions = {
  'list by name': () => list('field: NAME, direction: ASC'),
  'list by time': () => list('field: UPDATED_AT, direction: DESC'),
  'search for one': () => list('field: NAME, direction: ASC', `image-${any()}`),
  'search for many': () => list('field: UPDATED_AT, direction: DESC', String(any()).slice(-1)),
  'jobs of a spec': () => `{ imageSpec(name: "image-${any()}") { jobs(first: 50) { totalCount nodes { id number status image revisionName updatedAt } } } }`,
  'a job': () => `{ imageSpec(name: "image-${any()}") { latestJob { id number status phase queuePosition failure { code message } packages { apt conda pip } logUrl } } }`,
};

const world = await World.start({ database: 'postgres' });
try {
  // Any job that has ended will do: this one asks for a base that is not there.
  const { job } = await world.api.create(world.spec('seed', { pip: ['six'] }, { baseImage: `${world.registry.host}/no/such:base` }));
  await world.api.untilStatus(job.id, 'FAILED');
  await world.database.execute(fill);
  const rows = [];
  for (const [name, question] of Object.entries(questions)) {
    const [server, client] = [[], []];
    for (let time = 0; time < times; time++) {
      const query = question();
      const started = performance.now();
      const { status, headers, body } = await world.api.post(query);
      client.push(performance.now() - started);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.errors, undefined, JSON.stringify(body.errors));
      server.push(Number(/^server;dur=([0-9.]+)$/.exec(headers.get('server-timing'))[1]));
    }
    const share = (milliseconds, part) => milliseconds.sort((a, b) => a - b)[Math.floor(times * part)];
    rows.push({ name, median: share(server, 0.5), p99: share(server, 0.99), client: share(client, 0.99) });
  }
  console.log(`Milliseconds of ${times} requests each, with ${(specs * jobsOfSpec).toLocaleString('en')} jobs of ${specs.toLocaleString('en')} specs:\n`);
  console.log('| question | median in the server | 99 of 100 in the server | at most | 99 of 100 at the client |\n|---|---:|---:|---:|---:|');
  for (const { name, median, p99, client } of rows) console.log(`| ${name} | ${median.toFixed(1)} | ${p99.toFixed(1)} | ${promised} | ${client.toFixed(1)} |`);
  const slow = rows.filter(({ p99 }) => p99 > promised);
  if (slow.length > 0) {
    console.error(`\nSlower than is promised: ${slow.map(({ name }) => name).join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await world.stop();
}
