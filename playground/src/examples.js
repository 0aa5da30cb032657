// Example operations, each a tab of its own. A test of the server checks them against the schema.
export const examples = [
  {
    query: `# The image specs with their latest job. Press Ctrl-Enter to run it.
query ImageSpecs {
  imageSpecs(first: 10) {
    totalCount
    nodes {
      name
      status
      image
      latestJob { number status phase failure { code message } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Judges a spec without keeping it: every problem, or the Dockerfile.
query Preview($input: ImageSpecInput!) {
  previewImageSpec(input: $input) {
    problems { code message field line column }
    dockerfile
    revision
  }
}
`,
    variables: JSON.stringify(
      { input: { name: "example", baseImage: "python:3.12-slim", packages: { apt: ["jq"], pip: ["requests>=2", "-r file"] } } },
      null,
      2,
    ),
  },
  {
    query: `# Keeps a spec and starts its first job.
mutation Create($input: CreateImageSpecInput!) {
  createImageSpec(input: $input) {
    imageSpec { name version }
    job { id number status queuePosition }
    userErrors { code message field line column }
  }
}
`,
    variables: JSON.stringify(
      { input: { name: "example", baseImage: "python:3.12-slim", packages: { apt: ["jq"], pip: ["requests>=2"] } } },
      null,
      2,
    ),
  },
  {
    query: `# A job's log, live: put in the id of a job.
subscription BuildLog($jobId: ID!) {
  buildLog(jobId: $jobId, last: 100) {
    firstLine
    lines
    finished
  }
}
`,
    variables: JSON.stringify({ jobId: "job_" }, null, 2),
  },
  {
    query: `# Each change of a job's status or phase.
subscription BuildJobs {
  buildJobs {
    id
    number
    status
    phase
    imageSpec { name }
  }
}
`,
  },
];
