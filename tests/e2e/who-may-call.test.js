// Every way in without the token, or from elsewhere, comes to nothing.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { World } from '../harness/world.js';

describe('who may call', () => {
  let world;
  before(async () => (world = await World.start()));
  after(() => world.stop());
  const question = '{ imageSpecs(first: 1) { totalCount } }';

  test('nobody without the token, nobody with a wrong one', async () => {
    assert.equal((await world.api.post(question, {}, {})).status, 401);
    assert.equal((await world.api.post(question, {}, { Authorization: 'Bearer wrong' })).status, 401);
    assert.equal((await world.api.post(question, {}, { Authorization: `Bearer ${world.api.token}x` })).status, 401);
    assert.equal((await world.api.post(question)).status, 200);
  });

  test('no log without the token', async () => {
    const job = await world.build('private', { pip: ['six'] });
    assert.equal((await fetch(new URL(job.logUrl, world.url))).status, 401);
  });

  test('no foreign origin, whatever it brings', async () => {
    for (const headers of [{ Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      assert.equal((await raw('POST', '/graphql', { ...headers, ...world.api.authorization, 'Content-Type': 'application/json' }, JSON.stringify({ query: question }))).status, 403, JSON.stringify(headers));
    }
    const own = await raw('POST', '/graphql', { Origin: world.url, 'Sec-Fetch-Site': 'same-origin', ...world.api.authorization, 'Content-Type': 'application/json' }, JSON.stringify({ query: question }));
    assert.equal(own.status, 200);
  });

  test('no host name that was bound to this address', async () => {
    const answer = await raw('POST', '/graphql', { Host: 'rebound.example', ...world.api.authorization, 'Content-Type': 'application/json' }, JSON.stringify({ query: question }));
    assert.equal(answer.status, 403);
    assert.equal((await raw('GET', '/', { Host: 'rebound.example' })).status, 403);
    assert.equal((await raw('GET', '/healthz', { Host: 'rebound.example' })).status, 200, 'probes skip the check');
  });

  test('no operation by GET, not even with the token', async () => {
    const mutation = 'mutation { deleteImageSpec(input: { name: "private" }) { name } }';
    for (const query of [question, mutation]) {
      const answer = await raw('GET', `/graphql?query=${encodeURIComponent(query)}`, world.api.authorization);
      assert.ok(!answer.text.includes('totalCount') || answer.status >= 400, answer.text.slice(0, 200));
    }
    assert.ok(await world.api.spec('private'), 'still there');
  });

  test('no form of a foreign page: only application/json is read', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await raw('POST', '/graphql', { ...world.api.authorization, 'Content-Type': type }, JSON.stringify({ query: question }));
      assert.ok(answer.status >= 400 && answer.status < 500, `${type}: ${answer.status}`);
    }
  });

  test('no foreign WebSocket: it is refused before the upgrade', async () => {
    const connect = (headers) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${world.url.replace('http', 'ws')}/graphql/ws`, 'graphql-transport-ws', { headers });
        socket.once('open', () => resolve('open') ?? socket.close());
        socket.once('unexpected-response', (request, response) => resolve(response.statusCode) ?? request.destroy());
        socket.once('error', () => resolve('error'));
      });
    assert.equal(await connect({ Origin: 'http://evil.example' }), 403);
    assert.equal(await connect({ Origin: 'http://evil.example', Cookie: await cookie() }), 403);
    assert.equal(await connect({ Host: 'rebound.example' }), 403);
    assert.equal(await connect({ Origin: world.url, Cookie: await cookie() }), 'open');
  });

  test('no subscription without the token', async () => {
    const client = world.api.socket({ connectionParams: {} });
    await assert.rejects(world.api.subscribe('subscription { buildJobs { id } }', {}, () => true, client));
    const wrong = world.api.socket({ connectionParams: { token: 'wrong' } });
    await assert.rejects(world.api.subscribe('subscription { buildJobs { id } }', {}, () => true, wrong));
  });

  test('the address that is printed signs a browser in by a cookie that no script and no other site gets', async () => {
    const set = (await fetch(`${world.url}/?token=${world.api.token}`, { redirect: 'manual' })).headers.get('set-cookie');
    assert.match(set, /HttpOnly/i);
    assert.match(set, /SameSite=Strict/i);
    assert.equal((await world.api.post(question, {}, { Cookie: await cookie() })).status, 200);
    assert.equal((await fetch(`${world.url}/?token=wrong`, { redirect: 'manual' })).headers.get('set-cookie'), null);
  });

  test('not a RUN step: neither the API, nor the listener, nor the registry answer it, and it sees no credential', async () => {
    const delivery = `http://${world.environment.COOPERAGE_DELIVERY_LISTEN}`;
    // The backend of a source package runs in the pip step, with all that a stranger's setup.py could try.
    const backend = `
import glob, os, urllib.request, urllib.error
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def tell(*words): print("PROBE", *words, flush=True)
def call(name, url, data=None, headers={}):
    try:
        with opener.open(urllib.request.Request(url, data=data, headers=headers), timeout=10) as answer: tell(name, answer.status)
    except urllib.error.HTTPError as error: tell(name, error.code)
    except Exception as error: tell(name, type(error).__name__)
def probe():
    body = b'{"query":"{ imageSpecs(first: 1) { totalCount } }"}'
    call("api", "${world.url}/graphql", body, {"Content-Type": "application/json"})
    call("api-as-page", "${world.url}/graphql", body, {"Content-Type": "application/json", "Origin": "${world.url}"})
    call("delivery", "${delivery}/v1/jobs/00000000-0000-0000-0000-000000000000/log?from=1", b"forged", {"Authorization": "Bearer x"})
    call("registry", "http://${world.registry.host}/v2/base/debian/manifests/12")
    found = b""
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/root/proc/1/environ"):
        try: found += open(path, "rb").read()
        except OSError: pass
    for top in ("/", "/proc/1/root"):
        for where, folders, files in os.walk(top):
            folders[:] = [one for one in folders if os.path.join(where, one) not in ("/proc", "/sys", "/dev", "/usr/lib", "/usr/share")]
            for name in files:
                try:
                    path = os.path.join(where, name)
                    if os.path.isfile(path) and os.path.getsize(path) < 1000000: found += open(path, "rb").read()
                except OSError: pass
    secrets = [part[::-1].encode() for part in ("${[...world.registry.password].reverse().join('')}", "${[...world.api.token].reverse().join('')}")]
    tell("credentials", sum(secret in found for secret in secrets))
    # The file that a pod's builder has its token from, and the builder's processes, which may be seen but not looked into.
    tell("delivery-token", int("nekot_yreviled"[::-1].encode() in found))
    outside = 0
    for process in glob.glob("/proc/[0-9]*"):
        if not os.path.exists(process + "/root/.cooperage"):
            for what in ("environ", "mem", "maps"):
                try: outside += len(open(process + "/" + what, "rb").read(1)) + 1
                except OSError: pass
            for what in ("root", "fd/0", "cwd"):
                try: outside += len(os.readlink(process + "/" + what))
                except OSError: pass
    tell("outside", outside)
    tell("processes", len(glob.glob("/proc/[0-9]*")) < 40)
    for path in ("${world.data}/token", "/proc/1/root${world.data}/token", "${world.data}/secret.key", "/cooperage/credentials", "/proc/1/root/cooperage"):
        tell("file", os.path.exists(path))
def build_wheel(folder, config=None, metadata=None):
    probe()
    raise SystemExit("end of the probe")
`;
    world.channel.addSourcePackage('stranger', '1', {
      'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "stranger"\nversion = "1"\n',
      'backend.py': backend,
    });
    const { job } = await world.api.create(world.spec('stranger', { pip: ['stranger'] }));
    const done = await world.api.untilJob(job.id, 'ended', ({ status }) => ['SUCCEEDED', 'FAILED'].includes(status));
    const text = await world.api.log(done);
    const probes = [...text.matchAll(/PROBE (\S+) (\S+)/g)].map(([, name, result]) => `${name} ${result}`);
    assert.deepEqual(
      probes,
      ['api 401', 'api-as-page 401', 'delivery 410', 'registry 401', 'credentials 0', 'delivery-token 0', 'outside 0', 'processes True', ...Array(5).fill('file False')],
      text.slice(-4000),
    );
  });

  test('not the log of a job that runs: its listener takes the token of that job alone', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('live', `echo genuine\n${gate.wait}`);
    const { job } = await world.api.create(world.spec('live', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'standing at the gate', ({ phase }) => phase === 'BUILD' && gate.arrivals > 0);
    const id = job.id.slice('job_'.length).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    const deliver = (path, headers, body) => fetch(`http://${world.environment.COOPERAGE_DELIVERY_LISTEN}/v1/jobs/${id}/${path}`, { method: 'POST', headers, body });
    for (const headers of [{}, { Authorization: 'Bearer x' }, { Authorization: `Bearer ${world.api.token}` }, world.api.authorization]) {
      assert.equal((await deliver('log?from=1', headers, 'forged\n')).status, 401);
      assert.equal((await deliver('end', { ...headers, 'Content-Type': 'application/json' }, '{}')).status, 401);
    }
    gate.open();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    const text = await world.api.log(done);
    assert.ok(text.includes('genuine\n') && !text.includes('forged'), text.slice(-2000));
  });

  /** fetch() forbids some headers: this does not. */
  function raw(method, path, headers, body) {
    return new Promise((resolve, reject) => {
      const request = httpRequest(world.url + path, { method, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      request.once('error', reject);
      request.end(body);
    });
  }

  async function cookie() {
    const answer = await fetch(`${world.url}/?token=${world.api.token}`, { redirect: 'manual' });
    return answer.headers.get('set-cookie').split(';')[0];
  }
});
