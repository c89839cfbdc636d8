/**
 * Who may forward to what: rules in order, the first that matches decides. Pure: names come resolved.
 * `docs/spec/ssh.md` 7.2 and 7.4.
 *
 * @module
 */

import { type Identity, type Static, Type } from '@alknet/sdk';
import {
  type Address,
  type AddressRange,
  embeddedIpv4,
  isInside,
  isLoopback,
  parseAddress,
  parseRange,
} from './address.ts';
import { type Candidate, hostMatches, parseTarget, type TargetPattern } from './target-pattern.ts';

const RuleSchema = Type.Object(
  {
    action: Type.Union([Type.Literal('allow'), Type.Literal('deny')], {
      description: 'What happens to a target that the rule matches.',
    }),
    target: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })], {
      description:
        'HOST:PORTS, [IPV6]:PORTS, unix:/PATH or *. HOST is a name with * for any part of it, an address, a range such as 10.0.0.0/8, or *; PORTS such as 22,8000-8099 or *.',
    }),
    kind: Type.Optional(
      Type.Union([Type.Literal('connect'), Type.Literal('listen'), Type.Literal('any')], {
        default: 'connect',
        description: 'connect: what -L and -D reach. listen: what -R binds on this node.',
      }),
    ),
    principals: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Peer ids or scopes that the rule is for; empty for everyone.',
      }),
    ),
    sources: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Addresses or ranges that the client comes from; empty for any.',
      }),
    ),
    private: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Lets a name, or *, of an allow rule lead to loopback and private addresses.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** `ssh.forward.policy`. */
export const ForwardPolicySchema = Type.Object(
  {
    default: Type.Optional(
      Type.Union([Type.Literal('deny'), Type.Literal('allow')], {
        default: 'deny',
        description: 'What happens to a target that no rule matches.',
      }),
    ),
    rules: Type.Optional(
      Type.Array(RuleSchema, { default: [], description: 'Tried in order; the first that matches decides.' }),
    ),
  },
  { additionalProperties: false },
);
export type ForwardPolicyConfig = Static<typeof ForwardPolicySchema>;

export type ForwardKind = 'connect' | 'listen';

/** Who asks, and from where. */
export interface Requester {
  readonly identity: Identity;
  readonly source: Address | null;
}

/** `rule` is the index of the rule that decided, `null` for the default. */
export interface Verdict {
  readonly action: 'allow' | 'deny';
  readonly rule: number | null;
}

export interface Judgement<T> extends Verdict {
  /** Those that may be used, in the order given; empty when the action is `deny`. */
  readonly approved: readonly T[];
}

interface Rule {
  readonly action: 'allow' | 'deny';
  readonly targets: readonly TargetPattern[];
  readonly kind: ForwardKind | 'any';
  readonly principals: readonly string[];
  readonly sources: readonly AddressRange[];
  readonly private: boolean;
}

export class ForwardPolicy {
  readonly #default: 'allow' | 'deny';
  readonly #rules: readonly Rule[];
  readonly #own: () => readonly string[];

  /**
   * @param own the node's own addresses, asked at each judgement
   * @throws Error that names the rule and what is wrong with it
   */
  constructor(config: ForwardPolicyConfig, own: () => readonly string[]) {
    this.#default = config.default ?? 'deny';
    this.#own = own;
    this.#rules = (config.rules ?? []).map((rule, index) => {
      try {
        return {
          action: rule.action,
          targets: [rule.target].flat().map(parseTarget),
          kind: rule.kind ?? 'connect',
          principals: rule.principals ?? [],
          sources: (rule.sources ?? []).map(parseSource),
          private: rule.private ?? false,
        };
      } catch (error) {
        throw new Error(`forward.policy.rules[${index}]: ${error instanceof Error ? error.message : error}`);
      }
    });
  }

  /**
   * Judges every address of one request. A deny rule on any of them denies the request; those that only the default
   * denies are dropped, and the request is denied when none is left.
   */
  judge(kind: ForwardKind, requester: Requester, candidates: readonly Candidate[]): Judgement<Candidate> {
    const own = this.#own();
    return combine(candidates, (candidate) => this.#judgeOne(kind, requester, candidate, own));
  }

  /** Judges a Unix socket by each of its paths: the one that was written and the one that it leads to. */
  judgePath(kind: ForwardKind, requester: Requester, paths: readonly string[]): Judgement<string> {
    const judged = combine(paths, (path) => {
      const index = this.#rules.findIndex(
        (rule) =>
          applies(rule, kind, requester) &&
          rule.targets.some((target) => target.kind === 'unix' && target.path.test(path)),
      );
      return this.#verdict(index);
    });
    // No path may be dropped: they are one socket.
    if (judged.approved.length === paths.length) return judged;
    return { action: 'deny', rule: judged.action === 'deny' ? judged.rule : null, approved: [] };
  }

  #judgeOne(kind: ForwardKind, requester: Requester, candidate: Candidate, own: readonly string[]): Verdict {
    const verdict = this.#verdict(this.#firstMatch(kind, requester, candidate, own));
    const embedded = candidate.address && embeddedIpv4(candidate.address);
    if (embedded === undefined || isDenyRule(verdict)) return verdict;
    // The address inside may deny and never allow.
    const inside = this.#verdict(this.#firstMatch(kind, requester, { ...candidate, address: embedded }, own));
    return isDenyRule(inside) ? inside : verdict;
  }

  #firstMatch(kind: ForwardKind, requester: Requester, candidate: Candidate, own: readonly string[]): number {
    return this.#rules.findIndex(
      (rule) =>
        applies(rule, kind, requester) &&
        rule.targets.some((target) => targetMatches(target, rule, kind, candidate, own)),
    );
  }

  #verdict(index: number): Verdict {
    const rule = this.#rules[index];
    return rule === undefined ? { action: this.#default, rule: null } : { action: rule.action, rule: index };
  }
}

function combine<T>(candidates: readonly T[], judge: (candidate: T) => Verdict): Judgement<T> {
  const verdicts = candidates.map((candidate) => ({ candidate, verdict: judge(candidate) }));
  const denied = verdicts.find(({ verdict }) => isDenyRule(verdict));
  if (denied !== undefined) return { ...denied.verdict, approved: [] };
  const allowed = verdicts.filter(({ verdict }) => verdict.action === 'allow');
  const first = allowed[0];
  if (first === undefined) return { action: 'deny', rule: null, approved: [] };
  return { ...first.verdict, approved: allowed.map(({ candidate }) => candidate) };
}

function isDenyRule({ action, rule }: Verdict): boolean {
  return action === 'deny' && rule !== null;
}

function applies(rule: Rule, kind: ForwardKind, { identity, source }: Requester): boolean {
  return (
    (rule.kind === 'any' || rule.kind === kind) &&
    (rule.principals.length === 0 ||
      rule.principals.some(
        (principal) => principal === identity.id || identity.scopes.includes(principal),
      )) &&
    (rule.sources.length === 0 || (source !== null && rule.sources.some((range) => range.has(source))))
  );
}

function targetMatches(
  target: TargetPattern,
  rule: Rule,
  kind: ForwardKind,
  candidate: Candidate,
  own: readonly string[],
): boolean {
  if (target.kind !== 'tcp' || !target.ports.has(candidate.port)) return false;
  const { host } = target;
  const { address } = candidate;
  if (kind === 'listen') {
    if (rule.action === 'deny') return hostMatches(host, candidate);
    // What is allowed to be bound: * is loopback, and any other address has to be written.
    if (host.kind === 'any' && (address === undefined || !isLoopback(address))) return false;
    // A port that only root may bind has to be written too.
    if (candidate.port < firstUnprivileged && target.ports.any) return false;
    return hostMatches(host, candidate);
  }
  if (!hostMatches(host, candidate)) return false;
  if (rule.action === 'deny' || rule.private || address === undefined || host.kind === 'range') return true;
  if (host.kind === 'localhost' && isLoopback(address)) return true;
  return !isInside(address, own);
}

/** The first TCP port that needs no privilege to bind. */
const firstUnprivileged = 1024;

function parseSource(text: string): AddressRange {
  const range = parseRange(text.replace(/^\[(.*)\]$/, '$1'));
  if (range === undefined)
    throw new Error(
      `sources: ${JSON.stringify(text)} is neither an address nor a range such as 192.0.2.0/24`,
    );
  return range;
}

/** The address that a client comes from, as rules compare it. */
export function sourceAddress(text: string | undefined): Address | null {
  return (text !== undefined && parseAddress(text)) || null;
}
