-- Copyright (C) oof authors
--
-- No statement reads consents to pay by their client: the index cost each of
-- them its place in it three times over, and until a table was analysed it was
-- taken for looks by the id.

DROP INDEX oof_payment_consent_client;
