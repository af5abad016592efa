// Who the caller is, as verdicts of two phases say it.

import type { Identity } from "weir:plugin/types@0.1.0";

/** An identity of which only a part was named. */
export function whole(identity: Partial<Identity>): Identity {
  return { consumer: null, credential: null, groups: [], claimsJson: null, anonymous: false, ...identity };
}
