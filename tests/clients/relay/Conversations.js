// What a Relay application writes for a list that loads more and a thread that refetches itself by `node(id:)`.
import { graphql } from 'react-relay';

export const page = graphql`
  query ConversationsQuery($first: Int!) {
    ...Conversations_list @arguments(first: $first)
  }
`;

export const list = graphql`
  fragment Conversations_list on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "ConversationsListPaginationQuery") {
    conversations(first: $first, after: $after) @connection(key: "Conversations_conversations") {
      edges {
        node {
          id
          ...Conversations_thread
        }
      }
    }
  }
`;

export const thread = graphql`
  fragment Conversations_thread on Conversation
  @argumentDefinitions(last: { type: "Int", defaultValue: 20 }, before: { type: "String" })
  @refetchable(queryName: "ConversationsThreadPaginationQuery") {
    contactNumber
    messages(last: $last, before: $before) @connection(key: "Conversations_messages") {
      edges {
        node {
          id
          body
          status
        }
      }
    }
  }
`;
