// Judges connections by NetworkPolicies, as their documentation says, for networks here enforce none. Only what the chart uses:
// an unknown field is an error.
import { BlockList, isIPv6 } from 'node:net';

/**
 * Whether `policies` let `from` reach `to` on a TCP port (53 is UDP too). A pod is { address, namespace, labels, ports: name →
 * number }; what has no namespace is outside the cluster.
 */
export function allows(policies, from, to, port) {
  return side(policies, from, to, 'Egress', to, port) && side(policies, to, from, 'Ingress', to, port);
}

/** One end's policies: those that select it must allow the other end; without any, everything is allowed. */
function side(policies, pod, other, type, target, port) {
  if (!pod.namespace) return true;
  const mine = policies.filter(({ metadata, spec }) => metadata.namespace === pod.namespace && selects(spec.podSelector, pod.labels) && spec.policyTypes.includes(type));
  if (mine.length === 0) return true;
  const [rules, peers] = type === 'Egress' ? ['egress', 'to'] : ['ingress', 'from'];
  return mine.some(({ spec }) =>
    (spec[rules] ?? []).some(
      (rule) =>
        (!rule.ports || rule.ports.some((one) => (typeof one.port === 'string' ? target.ports?.[one.port] : one.port) === port)) &&
        (!rule[peers] || rule[peers].some((peer) => isPeer(peer, other))),
    ),
  );
}

function isPeer({ ipBlock, namespaceSelector, podSelector, ...unknown }, end) {
  if (Object.keys(unknown).length > 0) throw new Error(`not understood: ${JSON.stringify(unknown)}`);
  if (ipBlock) return contains(ipBlock.cidr, end.address) && !(ipBlock.except ?? []).some((cidr) => contains(cidr, end.address));
  if (!end.namespace) return false;
  if (!namespaceSelector) throw new Error('a peer without a namespaceSelector is not understood');
  return selects(namespaceSelector, { 'kubernetes.io/metadata.name': end.namespace }) && (!podSelector || selects(podSelector, end.labels));
}

function selects({ matchLabels = {}, matchExpressions = [] }, labels) {
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      if (operator === 'NotIn') return !values.includes(labels[key]);
      if (operator === 'In') return values.includes(labels[key]);
      throw new Error(`not understood: ${operator}`);
    })
  );
}

function contains(cidr, address) {
  const [network, bits] = cidr.split('/');
  if (isIPv6(network) !== isIPv6(address)) return false;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}
