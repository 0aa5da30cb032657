// The API as its clients see it: pages, order, search, payloads, subscriptions, playground.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { World, root } from '../harness/world.js';

describe('the API', () => {
  let world;
  const names = ['alpha', 'bravo', 'bravo-2', 'charlie', 'delta', 'echo'];
  before(async () => {
    world = await World.start();
    for (const name of names) await world.build(name, { pip: ['six'] });
  });
  after(() => world.stop());

  const specs = async (args) =>
    (await world.api.query(`{ imageSpecs(${args}) { nodes { name } edges { cursor } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`)).imageSpecs;
  const namesOf = (page) => page.nodes.map(({ name }) => name);

  test('is the schema that is checked in', async () => {
    const data = await world.api.query(getIntrospectionQuery());
    const print = (schema) => printSchema(lexicographicSortSchema(schema));
    assert.equal(print(buildClientSchema(data)), print(buildSchema(readFileSync(`${root}/schema.graphql`, 'utf8'))));
  });

  test('documents every type and field', async () => {
    const schema = buildClientSchema(await world.api.query(getIntrospectionQuery({ inputValueDeprecation: true })));
    const missing = [];
    for (const type of Object.values(schema.getTypeMap())) {
      if (type.name.startsWith('__') || ['String', 'Int', 'Boolean', 'ID', 'Float'].includes(type.name)) continue;
      if (!type.description) missing.push(type.name);
      for (const field of Object.values(type.getFields?.() ?? {})) {
        if (!field.description) missing.push(`${type.name}.${field.name}`);
        for (const argument of field.args ?? []) if (!argument.description) missing.push(`${type.name}.${field.name}(${argument.name})`);
      }
      for (const value of type.getValues?.() ?? []) if (!value.description) missing.push(`${type.name}.${value.name}`);
    }
    assert.deepEqual(missing, []);
  });

  test('pages forth and back, newest first unless asked otherwise', async () => {
    const newest = names.toReversed();
    const first = await specs('first: 2');
    assert.deepEqual(namesOf(first), newest.slice(0, 2));
    assert.equal(first.totalCount, names.length);
    assert.deepEqual([first.pageInfo.hasNextPage, first.pageInfo.hasPreviousPage], [true, false]);
    const second = await specs(`first: 2, after: "${first.pageInfo.endCursor}"`);
    assert.deepEqual(namesOf(second), newest.slice(2, 4));
    const third = await specs(`first: 2, after: "${second.pageInfo.endCursor}"`);
    assert.deepEqual(namesOf(third), newest.slice(4));
    assert.equal(third.pageInfo.hasNextPage, false);
    const back = await specs(`last: 2, before: "${third.pageInfo.startCursor}"`);
    assert.deepEqual(namesOf(back), newest.slice(2, 4));
    assert.deepEqual([back.pageInfo.hasNextPage, back.pageInfo.hasPreviousPage], [true, true]);
  });

  test('sorts, and searches by part of the name', async () => {
    assert.deepEqual(namesOf(await specs('first: 10, orderBy: { field: NAME, direction: ASC }')), names.toSorted());
    assert.deepEqual(namesOf(await specs('first: 10, orderBy: { field: NAME, direction: DESC }')), names.toSorted().toReversed());
    const found = await specs('first: 10, search: "RAV", orderBy: { field: NAME, direction: ASC }');
    assert.deepEqual(namesOf(found), ['bravo', 'bravo-2']);
    assert.equal(found.totalCount, 2);
    assert.deepEqual(namesOf(await specs('first: 10, search: "%"')), [], 'no wildcards from outside');
    assert.deepEqual(namesOf(await specs('first: 10, search: "_"')), []);
  });

  test('tells every problem of a form at once, with its place', async () => {
    const { userErrors } = await world.api.create(
      { name: 'Not Valid', baseImage: 'UPPER/case:x', pullSecret: null, packages: { apt: ['ok', '', 'no good'], conda: [], pip: ['# fine', 'requests>>2'] } },
      { expectErrors: true },
    );
    assert.deepEqual(
      new Set(userErrors.map(({ field, line }) => `${field}:${line}`)),
      new Set(['name:null', 'baseImage:null', 'packages.apt:3', 'packages.pip:2']),
    );
    assert.ok(userErrors.every(({ message }) => message.length > 10));
  });

  test('previews: problems, Dockerfile and revision', async () => {
    const preview = async (input) =>
      (await world.api.query('query($i: ImageSpecInput!) { previewImageSpec(input: $i) { problems { code message field line column } dockerfile revision } }', { i: input })).previewImageSpec;
    const good = await preview(world.spec('preview', { apt: ['g++'], pip: ["requests[socks]>=2; python_version >= '3'"] }));
    assert.deepEqual(good.problems, []);
    assert.match(good.dockerfile, /'g\+\+'/);
    assert.match(good.revision, /^[0-9a-f]{64}$/);
    const bad = await preview(world.spec('preview', { pip: ['a', 'requests=>2'] }));
    assert.equal(bad.dockerfile, null);
    assert.equal(bad.revision, null);
    assert.equal(bad.problems[0].line, 2);
    assert.ok(bad.problems[0].column >= 1);
  });

  test('a pull secret is write-only', async () => {
    const { pullSecrets } = await world.api.query('{ pullSecrets { name host username } }');
    assert.deepEqual(pullSecrets, [{ name: 'local-registry', host: world.registry.host, username: 'cooperage' }]);
    const { body } = await world.api.post('{ pullSecrets { password } }');
    assert.ok(body.errors);
    const stored = await world.database.contents();
    assert.ok(stored.includes('local-registry'), 'what is stored can be read');
    assert.ok(!stored.includes(world.registry.password), 'encrypted at rest');
  });

  test('any object can be had by its id', async () => {
    const spec = await world.api.spec('alpha');
    const { node } = await world.api.query('query($id: ID!) { node(id: $id) { id __typename ... on ImageSpec { name } } }', { id: spec.id });
    assert.deepEqual(node, { id: spec.id, __typename: 'ImageSpec', name: 'alpha' });
    assert.equal((await world.api.query('{ node(id: "spec_00000000000000000000000000000000") { id } }')).node, null);
  });

  test('subscribers hear of each change of status and phase', async () => {
    // One subscribes to the jobs of a spec that is there; its next job takes longer than to subscribe.
    await world.build('heard', { pip: ['idna'] });
    const seen = [];
    const heard = world.api.subscribe(
      'subscription { buildJobs(specName: "heard") { status phase imageSpec { name } } }',
      {},
      ({ buildJobs }) => {
        seen.push(buildJobs);
        return ['SUCCEEDED', 'FAILED'].includes(buildJobs.status);
      },
    );
    const { job } = await world.api.rebuild('heard');
    await Promise.all([heard, world.api.untilStatus(job.id, 'SUCCEEDED')]);
    assert.ok(seen.every(({ imageSpec }) => imageSpec.name === 'heard'));
    assert.equal(seen.at(-1).status, 'SUCCEEDED');
    assert.ok(seen.some(({ status }) => status === 'RUNNING'));
  });

  test('the playground comes from the server alone', async () => {
    const answer = await fetch(`${world.url}/graphql`, { headers: { Accept: 'text/html', ...world.api.authorization } });
    assert.equal(answer.status, 200);
    const page = await answer.text();
    const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
    assert.ok(addresses.length > 0);
    for (const address of addresses) {
      if (address.startsWith('data:')) continue;
      const url = new URL(address, `${world.url}/graphql`);
      assert.equal(url.origin, world.url, address);
      assert.equal((await fetch(url, { headers: world.api.authorization })).status, 200, address);
    }
  });

  test('healthy, ready, and counted', async () => {
    for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(world.url + path)).status, 200);
    assert.match(await (await fetch(`${world.url}/metrics`)).text(), /cooperage/);
  });
});
