// A program over the generated types; `tsc` decides.
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';

import { FollowSubscriptionDocument, InboxQueryDocument, SendMutationDocument } from './generated';

export const toPhone: VariablesOf<typeof SendMutationDocument> = {
  input: { to: { phoneNumber: '+12065550108' }, body: 'Hello', idempotencyKey: 'one' },
};

// @ts-expect-error The key is required.
export const withoutKey: VariablesOf<typeof SendMutationDocument> = { input: { to: { contactId: 'con_1' } } };

export const toNobody: VariablesOf<typeof SendMutationDocument> = {
  // @ts-expect-error Exactly one form of recipient is legal.
  input: { to: { phoneNumber: '+12065550108', contactId: 'con_1' }, idempotencyKey: 'one' },
};

export function isDone({ messageStatusChanged }: ResultOf<typeof FollowSubscriptionDocument>): boolean {
  // @ts-expect-error The status is a closed set.
  if (messageStatusChanged.node.status === 'ARRIVED') return true;
  return messageStatusChanged.node.status === 'DELIVERED';
}

export function names({ conversations }: ResultOf<typeof InboxQueryDocument>): string[] {
  return conversations.edges.map(({ node }) => node.contact?.name ?? node.contactNumber);
}
