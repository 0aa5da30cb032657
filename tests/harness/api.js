// A client of the GraphQL API, with nothing of the product's own in it.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { until } from './wait.js';

const JOB = `id number status phase queuePosition revision revisionName baseImage baseImageDigest pullSecret
  packages { apt conda pip } image digest sizeBytes dockerfile reusedFrom { id number } logUrl
  failure { code message logLine field requirement } createdAt startedAt finishedAt updatedAt imageSpec { name }`;
const SPEC = `id name version baseImage pullSecret packages { apt conda pip } status image digest revision createdAt updatedAt latestJob { id number status }`;

export class Api {
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  get authorization() {
    return { Authorization: `Bearer ${this.token}` };
  }

  /** The bare answer: { status, body }. */
  async post(query, variables = {}, headers = this.authorization) {
    const answer = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const text = await answer.text();
    let body = text;
    try {
      body = JSON.parse(text);
    } catch {
      // not JSON: the caller sees the text
    }
    return { status: answer.status, headers: answer.headers, body };
  }

  /** The data of an operation that must not fail. */
  async query(query, variables) {
    const { status, body } = await this.post(query, variables);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.errors, undefined, JSON.stringify(body.errors));
    return body.data;
  }

  /** A mutation's payload; `userErrors` must be empty unless `expectErrors`. */
  async mutate(name, type, input, fields, { expectErrors = false } = {}) {
    const data = await this.query(
      `mutation($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { code message field line column } } }`,
      { input },
    );
    if (!expectErrors) assert.deepEqual(data[name].userErrors, []);
    return data[name];
  }

  create(input, options) {
    return this.mutate('createImageSpec', 'CreateImageSpecInput', input, `imageSpec { ${SPEC} } job { ${JOB} }`, options);
  }
  update(input, options) {
    return this.mutate('updateImageSpec', 'UpdateImageSpecInput', input, `imageSpec { ${SPEC} } job { ${JOB} }`, options);
  }
  rebuild(name, options) {
    return this.mutate('rebuildImageSpec', 'RebuildImageSpecInput', { name, ...options }, `imageSpec { ${SPEC} } job { ${JOB} }`);
  }
  cancel(id, options) {
    return this.mutate('cancelBuildJob', 'CancelBuildJobInput', { id }, `job { ${JOB} }`, options);
  }
  delete(name, options) {
    return this.mutate('deleteImageSpec', 'DeleteImageSpecInput', { name }, 'name', options);
  }

  async spec(name) {
    return (await this.query(`query($name: String!) { imageSpec(name: $name) { ${SPEC} } }`, { name })).imageSpec;
  }
  /** Name and status of every spec. */
  async specs() {
    const specs = [];
    for (let after = null, more = true; more; ) {
      const { imageSpecs } = await this.query('query($after: String) { imageSpecs(first: 100, after: $after) { nodes { name status } pageInfo { hasNextPage endCursor } } }', { after });
      specs.push(...imageSpecs.nodes);
      ({ hasNextPage: more, endCursor: after } = imageSpecs.pageInfo);
    }
    return specs;
  }
  async job(id) {
    return (await this.query(`query($id: ID!) { buildJob(id: $id) { ${JOB} } }`, { id })).buildJob;
  }
  /** All jobs of a spec, newest first. */
  async jobs(name) {
    const data = await this.query(
      `query($name: String!) { imageSpec(name: $name) { jobs(first: 50) { nodes { ${JOB} } totalCount } } }`,
      { name },
    );
    return data.imageSpec?.jobs.nodes ?? null;
  }

  /** Waits until the job is as `condition` wants it; a job that ends otherwise is an error at once. */
  async untilJob(id, what, condition, options) {
    let seen = null;
    return until(
      `job ${id} to be ${what}`,
      async () => {
        const job = await this.job(id);
        seen = job;
        if (await condition(job)) return job;
        if (['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(job?.status)) {
          const error = new Error(`job ${id} was to be ${what} and is ${job.status}: ${JSON.stringify(job.failure)}\n${(await this.log(job)).slice(-3000)}`);
          throw Object.assign(error, { fatal: true });
        }
        return null;
      },
      // Long, for a package index may be slow for minutes; a job that is stuck has its log told.
      { timeout: 420_000, ...options },
    ).catch(async (error) => {
      if (error.fatal || !seen) throw error;
      const log = await this.log(seen);
      throw new Error(`${error.message}\nThe job is ${seen.status} ${seen.phase ?? ''}, and its log ends:\n${log.slice(-3000)}`, { cause: error });
    });
  }
  untilStatus(id, status, options) {
    return this.untilJob(id, status, (job) => job.status === status, options);
  }

  /** The whole log by plain HTTP, as bytes. */
  async logBytes(job) {
    const answer = await fetch(new URL(job.logUrl, this.url), { headers: this.authorization });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    return Buffer.from(await answer.arrayBuffer());
  }
  async log(job) {
    return (await this.logBytes(job)).toString('utf8');
  }

  /** A graphql-transport-ws client. */
  socket(options = {}) {
    return createClient({
      url: `${this.url.replace('http', 'ws')}/graphql/ws`,
      webSocketImpl: WebSocket,
      connectionParams: { token: this.token },
      lazy: true,
      retryAttempts: 0,
      ...options,
    });
  }

  /**
   * Subscribes; `each(data)` returns true to end it. Resolves when it ended or the server completed it.
   */
  subscribe(query, variables, each, client = this.socket()) {
    return new Promise((resolve, reject) => {
      const end = client.subscribe(
        { query, variables },
        {
          next: ({ data, errors }) => {
            if (errors) reject(new Error(JSON.stringify(errors)));
            else if (each(data)) {
              end();
              resolve();
            }
          },
          error: (error) => reject(error instanceof Error ? error : new Error(JSON.stringify(error))),
          complete: resolve,
        },
      );
    }).finally(() => client.dispose());
  }

  /** Every line of a job's log by subscription, from `fromLine`, until the server says that it is complete. */
  async followLog(jobId, fromLine = 1) {
    const lines = [];
    await this.subscribe(
      'subscription($id: ID!, $from: Int) { buildLog(jobId: $id, fromLine: $from) { firstLine lines finished } }',
      { id: jobId, from: fromLine },
      ({ buildLog }) => {
        if (buildLog.lines.length > 0) assert.equal(buildLog.firstLine, fromLine + lines.length, 'no gap and no repeat');
        lines.push(...buildLog.lines);
        return buildLog.finished;
      },
    );
    return lines;
  }
}
