"""The sandbox's bank core: what a bank's integration layer is to oof.

  clock       the rule clock, and Brasilia's days
  store       SQLite, and the one thread that writes it
  bank        customers, accounts, products, the DICT
  triggers    amounts that provoke an outcome
  brcode      reading a QR code of Pix
  shape       what a request must have
  texts       error bodies
  payments    validation, payment, cancellation, settlement
  discovery   what a customer has, for payments and for data
  data        the accounts API, behind the permission gate
  faults      being slow, wrong, or gone
  push        telling oof of a new status
  server      HTTP
  service     the core as a process of the sandbox
"""
