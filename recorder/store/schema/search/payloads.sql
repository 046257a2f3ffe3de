-- Full-text search over request and answer: `store.search: true`. It makes bodies take two thirds more room and writing them twice the work;
-- hasAllTokens(lower(request_body), 'words of a question') reads the index where there is one and the bodies where there is none.
ALTER TABLE payloads ADD INDEX IF NOT EXISTS ft_request lower(request_body) TYPE text(tokenizer = 'splitByNonAlpha');

ALTER TABLE payloads ADD INDEX IF NOT EXISTS ft_response lower(response_body) TYPE text(tokenizer = 'splitByNonAlpha');
